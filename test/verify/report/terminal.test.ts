import { afterEach, describe, expect, test, vi } from "vitest";
import { textWidth } from "../../../src/report/text.js";
import type { VerificationReport } from "../../../src/verify/report/report-schema.js";
import { checkLine, header, printReport, terminalStyle } from "../../../src/verify/report/terminal.js";
import { check, failing, HOSTILE, hostile, passing, withoutOriginal } from "./reports.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

const PLAIN = { colours: false, columns: 100 };

function whole(report: VerificationReport, style = PLAIN): string {
  const lines = report.checks.map((one) => checkLine(one, style));
  return [header(report, style), ...lines, printReport(report, style)].join("\n");
}

describe("terminalStyle", () => {
  test.each([
    ["a terminal", { isTTY: true, columns: 72 }, {}, { colours: true, columns: 72 }],
    ["NO_COLOR", { isTTY: true, columns: 72 }, { NO_COLOR: "1" }, { colours: false, columns: 72 }],
    ["an empty NO_COLOR", { isTTY: true, columns: 72 }, { NO_COLOR: "" }, { colours: true, columns: 72 }],
    ["a dumb terminal", { isTTY: true, columns: 72 }, { TERM: "dumb" }, { colours: false, columns: 72 }],
    ["a pipe", {}, {}, { colours: false, columns: 100 }],
    ["a terminal without a size", { isTTY: true, columns: 0 }, {}, { colours: true, columns: 100 }],
  ])("%s", (_, stream, env, style) => expect(terminalStyle(stream, env)).toEqual(style));
});

describe("header", () => {
  test("names both sides, the promise and the device", () => {
    expect(header(passing(), PLAIN)).toBe(
      `converted      roberta-base-lsg-4096
compared with  FacebookAI/roberta-base
model          LSGRobertaForMaskedLM (roberta)
context        512 → 4096 tokens
promised       the original's outputs for inputs of up to 512 tokens
device         webgpu: SwiftShader; 97 % of the nodes on WebGPU, the others on CPU
`,
    );
  });

  test("says aloud that nothing is compared, and leaves out what is not known", () => {
    expect(header(withoutOriginal(), PLAIN)).toBe(
      "converted      roberta-base-lsg-4096\ncompared with  nothing\n",
    );
  });

  test("says where nothing is promised", () => {
    expect(header(passing({ lossless_up_to: 0, hidden_states_up_to: 0 }), PLAIN)).toContain(
      "promised       nothing: ",
    );
  });
});

describe("checkLine", () => {
  test("a pass is one line", () => {
    expect(checkLine(check(), PLAIN)).toBe(
      "pass  Tensors                             39 tensors as planned.",
    );
  });

  test("a failure has its findings, eight at most, and what to do", () => {
    const [weights] = failing().checks;
    const lines = checkLine(weights ?? check(), PLAIN).split("\n");
    expect(lines[0]).toBe("FAIL  Every tensor's bytes                11 of 205 tensors are not as planned.");
    expect(lines.filter((line) => line.startsWith("      - roberta.encoder.layer."))).toHaveLength(8);
    expect(lines).toContain("      and 3 more");
    expect(lines.at(-1)).toBe(
      "      To do: Convert again: lsg convert FacebookAI/roberta-base roberta-base-lsg-4096 --force",
    );
  });

  test("eight findings are all shown", () => {
    const findings = Array.from({ length: 8 }, (_, i) => `tensor ${i}`);
    const text = checkLine(check({ verdict: "fail", findings }), PLAIN);
    expect(text).toContain("- tensor 7");
    expect(text).not.toContain("more");
  });

  test("a table stands in columns, also with wide characters", () => {
    const table = { head: ["original", "score"], rows: [["東京", "0.0103"], ["x"]] };
    expect(checkLine(check({ table }), PLAIN).split("\n").slice(1)).toEqual([
      "      original  score",
      "      --------  ------",
      "      東京      0.0103",
      "      x",
    ]);
  });

  test("a long title and a narrow terminal put the detail below", () => {
    const title = "A title that is longer than its column is wide";
    expect(checkLine(check({ title }), PLAIN)).toBe(`pass  ${title}\n      39 tensors as planned.`);
    expect(checkLine(check(), { colours: false, columns: 60 })).toBe(
      "pass  Tensors\n      39 tensors as planned.",
    );
  });

  test.each([
    ["pass", "pass", 32],
    ["fail", "FAIL", 31],
    ["stated", "info", 36],
    ["skipped", "skip", 33],
  ] as const)("%s is the word %s, coloured where asked", (verdict, word, colour) => {
    expect(checkLine(check({ verdict }), PLAIN)).toMatch(new RegExp(`^${word} {2}Tensors`));
    // The style decides, not what stdout happens to be.
    vi.stubEnv("FORCE_COLOR", undefined);
    vi.stubEnv("NO_COLOR", "1");
    const coloured = checkLine(check({ verdict }), { ...PLAIN, colours: true });
    expect(coloured.startsWith(`\u001b[1m\u001b[${colour}m${word}\u001b[`)).toBe(true);
  });
});

describe("printReport", () => {
  test("figures by length, then the count, and last the verdict", () => {
    const sections = printReport(failing(), PLAIN).split("\n\n");
    expect(sections[0]).toMatch(/^\ntokens {2}largest difference {2}at most\n/);
    expect(sections[0]).toContain("\n511     0.03                1e-4\n");
    expect(sections[0]).toContain("(11 of 22 lengths: ");
    expect(sections[1]).toMatch(/^tokens {2}seconds {2}memory in MB\n/);
    expect(sections[1]).not.toContain("lengths");
    expect(sections[2]).toBe("7 checks: 3 pass, 2 FAIL, 1 info, 1 skip");
    expect(sections[3]).toMatch(/^falls short {2}roberta-base-lsg-4096 is not what was planned/);
    expect(sections).toHaveLength(4);
  });

  test("nothing measured: no table", () => {
    expect(printReport(withoutOriginal(), PLAIN)).toBe(
      "\n1 check: 1 skip\n\nnot compared  What can be checked without the original is sound; nothing was compared.",
    );
  });

  test("figures that are not finite are shown, and count as worst", () => {
    const differences = Array.from({ length: 24 }, (_, i) => ({
      length: i + 1,
      difference: i === 4 ? Number.NaN : 1,
      tolerance: 2,
    }));
    expect(printReport(passing({ differences }), PLAIN)).toContain("\n5       NaN                 2\n");
  });
});

test.each([40, 60, 80, 100, 140])("no line is longer than %i columns", (columns) => {
  for (const report of [passing(), failing(), withoutOriginal()]) {
    for (const line of whole(report, { colours: false, columns }).split("\n")) {
      const isLongWord = !line.trim().replace(/^- /, "").includes(" ");
      if (!isLongWord) expect(textWidth(line), line).toBeLessThanOrEqual(columns);
    }
  }
});

test("hostile text reaches no terminal: no control character but the line's end", () => {
  expect(HOSTILE).toContain("\u001b");
  const text = whole(hostile());
  expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e]/u);
  expect(text).toContain("<script>alert(1)</script>");
});
