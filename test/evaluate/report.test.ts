import { expect, test } from "vitest";
import { reportJsonSchema } from "../../src/evaluate/report-schema.js";

test("docs/evaluation-report.schema.json is the schema (vitest -u writes it)", async () => {
  const text = `${JSON.stringify(reportJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../../docs/evaluation-report.schema.json");
});
