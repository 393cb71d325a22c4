import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const ARCHITECTURE = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");

/** The rooms in their one order: a file imports only from its own room and from those behind it. */
const ROOMS = [...ARCHITECTURE.matchAll(/^- `([a-z]+)`: /gm)].map(([, room = ""]) => room);

const files = ["src", "converters"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, file)),
);

/** src/verify/model/checks.ts → verify; undefined for what lies in no room. */
function roomOf(file: string): string | undefined {
  const [top = "", room = "", ...rest] = file.split("/");
  if (top === "converters") return top;
  return rest.length > 0 ? room : undefined;
}

/** The files that a file names: imports of values and types, dynamic ones, and programs that it starts. */
function namedBy(file: string): string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const modules = [...text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*"(\.[^"]+)\.js"/g)].map(
    ([, path = ""]) => relative(ROOT, join(ROOT, dirname(file), `${path}.ts`)),
  );
  const programs = [...text.matchAll(/\bownProgram\("([^"]+)"\)/g)].map(([, path]) => `src/${path}.ts`);
  return [...modules, ...programs];
}

test("src/ holds rooms, and nothing loose but index.ts", () => {
  expect(files.filter((file) => roomOf(file) === undefined)).toEqual(["src/index.ts"]);
  expect([...new Set(files.map(roomOf))].filter((room) => room !== undefined).sort()).toEqual(
    ROOMS.toSorted(),
  );
});

test("what a file names is there", () => {
  const known = new Set(files);
  expect(files.flatMap(namedBy).filter((named) => !known.has(named))).toEqual([]);
  expect(files.flatMap(namedBy).length).toBeGreaterThan(files.length);
});

test("a room imports only what stands after it", () => {
  const floor = (file: string) => ROOMS.indexOf(roomOf(file) ?? "");
  const up = files.flatMap((file) =>
    namedBy(file)
      .filter((named) => floor(named) < floor(file))
      .map((named) => `${file} → ${named}`),
  );
  expect(up).toEqual([]);
});

test("the walks name files that are there, at most 12 each", () => {
  const walks = ARCHITECTURE.split(/^\*\*/m).slice(1);
  const named = walks.map((walk) => [...walk.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file = ""]) => file));
  expect(named.map((walk) => walk.length > 0 && walk.length <= 12)).toEqual([true, true, true]);
  expect(named.flat().filter((file) => !files.includes(file))).toEqual([]);
});
