import { afterEach, expect, test, vi } from "vitest";
import { htmlReport } from "../../../src/verify/report/html.js";
import { markdownReport } from "../../../src/verify/report/markdown.js";
import { printReport } from "../../../src/verify/report/terminal.js";
import { passing } from "./reports.js";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

test.each([
  ["html", htmlReport],
  ["markdown", markdownReport],
  ["terminal", (report: ReturnType<typeof passing>) => printReport(report, { colours: true, columns: 80 })],
])(
  "%s: the same report gives the same bytes, whenever and wherever, in any order of lengths",
  (_, render) => {
    vi.useFakeTimers({ now: new Date("2001-02-03T04:05:06Z") });
    const first = render(passing());
    vi.setSystemTime(new Date("2040-01-01T00:00:00Z"));
    vi.stubEnv("TZ", "Asia/Tokyo");
    vi.stubEnv("LANG", "de_DE.UTF-8");
    const { differences, costs } = passing();
    expect(render(passing({ differences: differences.toReversed(), costs: costs.toReversed() }))).toBe(first);
  },
);
