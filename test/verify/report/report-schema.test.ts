import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import type { VerificationReport } from "../../../src/verify/report/report-schema.js";
import {
  reportJsonSchema,
  reportToJson,
  VerificationReportSchema,
} from "../../../src/verify/report/report-schema.js";
import { failing, hostile, passing, withoutOriginal } from "./reports.js";

type DeepReadonly<T> = { readonly [K in keyof T]: DeepReadonly<T[K]> };

/** Fails in the type check, not in the run. */
test("the schema's type is the report's", () => {
  expectTypeOf<DeepReadonly<z.output<typeof VerificationReportSchema>>>().toEqualTypeOf<
    DeepReadonly<VerificationReport>
  >();
});

function throughJson(report: VerificationReport): unknown {
  return z.decode(VerificationReportSchema, JSON.parse(JSON.stringify(reportToJson(report))));
}

describe("reportToJson", () => {
  test.each([
    ["passing", passing()],
    ["failing", failing()],
    ["without an original", withoutOriginal()],
    ["hostile", hostile()],
  ])("%s: JSON and back", (_, report) => {
    // JSON.stringify writes half a surrogate pair as an escape, so even that comes back.
    expect(throughJson(report)).toEqual(report);
  });

  test("figures that are not finite come back, none as null", () => {
    const figure = fc.double({ noDefaultInfinity: false });
    fc.assert(
      fc.property(figure, figure, figure, (difference, tolerance, seconds) => {
        const report = passing({
          differences: [{ length: 1, difference: difference + 0, tolerance: tolerance + 0 }],
          costs: [{ length: 1, seconds: seconds + 0, megabytes: 1 }],
        });
        expect(throughJson(report)).toEqual(report);
      }),
    );
    const report = passing({ differences: [{ length: 1, difference: Number.NaN }] });
    expect(JSON.stringify(reportToJson(report).differences)).toBe('[{"length":1,"difference":"NaN"}]');
  });
});

describe("VerificationReportSchema", () => {
  test("refuses what is no report of this version", () => {
    const { seed: _, ...incomplete } = passing();
    expect(VerificationReportSchema.safeParse({ ...passing(), format_version: 1 }).success).toBe(false);
    expect(VerificationReportSchema.safeParse(incomplete).success).toBe(false);
    expect(VerificationReportSchema.safeParse(passing()).success).toBe(true);
    const damaged = { ...passing(), differences: [{ length: 1, difference: null }] };
    expect(VerificationReportSchema.safeParse(damaged).success).toBe(false);
  });
});

test("docs/verify-report.schema.json is the schema (vitest -u writes it)", async () => {
  const text = `${JSON.stringify(reportJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../../../docs/verify-report.schema.json");
});
