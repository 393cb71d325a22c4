import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { assembleModeling } from "../../converters/modeling/assemble.js";
import { allArchitectures } from "../../src/architectures/architectures.js";
import { EARLIER_MODELING } from "../../src/architectures/earlier-modeling.js";
import { modelingCode, modelingModule, NEEDS_CODE } from "../../src/architectures/modeling.js";
import { lsgConfigChanges } from "../../src/attention/lsg.js";
import { LsgConfigSchema } from "../../src/attention/lsg-config.js";
import { LICENCE, MODELING_FOLDER, MODELING_PARTS, packageInfo } from "../../src/base/package.js";

/** transformers has Longformer's code itself. */
const architectures = (await allArchitectures()).filter(
  ({ encoder }) => encoder.embeddings.global !== undefined,
);

const LSG = { prefix: "LSG", opensPlain: false };

const parts = new Map(
  readdirSync(MODELING_PARTS)
    .filter((file) => /^(modeling_)?lsg_\w+\.py$/.test(file))
    .map((file) => [file.slice(0, -3), readFileSync(new URL(file, MODELING_PARTS), "utf8")]),
);

describe.each(architectures.map((one) => [one.modelType, one] as const))(
  "the file of %s",
  (_, architecture) => {
    const module = modelingModule(architecture, "LSG");
    const text = readFileSync(new URL(`${module}.py`, MODELING_FOLDER), "utf8");

    test("is all that a folder gets", () => {
      expect([...modelingCode(architecture, LSG).files.keys()]).toEqual([`${module}.py`]);
    });

    test("imports no other file of the folder", () => {
      const imported = [...text.matchAll(/^\s*(?:from (\S+) import|import (\S+))/gm)].map(
        ([, a, b]) => a ?? b,
      );
      expect(imported.length).toBeGreaterThan(5);
      expect(
        imported.filter(
          (name) => !/^(__future__|functools|math|typing|torch|transformers)(\.|$)/.test(name!),
        ),
      ).toEqual([]);
    });

    test("begins with version and licence, and holds no sign of when or where it was made", () => {
      const head = text.slice(0, text.indexOf('"""'));
      expect(head).toContain(`lsg-convert ${packageInfo().version}`);
      const words = (words: string) => words.replace(/[#\s]+/g, " ").trim();
      expect(words(head)).toContain(words(readFileSync(LICENCE, "utf8")));
      expect(text).not.toMatch(/lsg_\w+\.py|converters\/|file:/);
    });

    test("defines every class that auto_map names, the config's too, each once", () => {
      const lsg = LsgConfigSchema.parse({});
      const changes = Object.fromEntries(lsgConfigChanges(architecture, "", lsg));
      const classes = Object.values(changes.auto_map as Record<string, string>);
      expect(classes.length).toBeGreaterThan(2);
      for (const path of classes) {
        const [file, name] = path.split(".");
        expect(file).toBe(module);
        expect(text.match(new RegExp(`^class ${name}\\(`, "gm")), path).toHaveLength(1);
      }
      const defined = [...text.matchAll(/^(?:class|def) (\w+)|^(\w+) = /gm)].map(([, a, b]) => a ?? b);
      expect(defined.filter((name, i) => defined.indexOf(name) !== i)).toEqual([]);
    });

    test("refuses to be passed over by the name that config.json gives", () => {
      expect(modelingCode(architecture, LSG).refusal).toEqual({ _attn_implementation: NEEDS_CODE });
      expect(text).toContain(`"${NEEDS_CODE}"`);
    });

    test("is read like any other: no line too long, none empty at its end", () => {
      const lines = text.split("\n");
      expect(lines.filter((line) => line.length > 110 || line !== line.trimEnd())).toEqual([]);
      expect(text).not.toMatch(/\n{4}|\n\n$/);
    });

    test("is made of the parts as they are", () => {
      const made = assembleModeling(module, parts, "One.\n\nTwo.");
      expect(made.slice(made.indexOf('"""'))).toBe(text.slice(text.indexOf('"""')));
      expect(made.slice(0, made.indexOf('"""'))).toBe("# One.\n#\n# Two.\n");
    });

    const earlier = [...EARLIER_MODELING].filter(([, files]) => Object.hasOwn(files, `${module}.py`));
    test.each(earlier.map(([version]) => version))(
      "had others in lsg %s, which are known by their hashes",
      (version) => {
        const { files, refusal } = modelingCode(architecture, LSG, version);
        expect([...files.keys()].filter((file) => file.startsWith("modeling_"))).toEqual([`${module}.py`]);
        expect(files.size).toBe(12);
        for (const hash of files.values()) expect(hash).toMatch(/^[0-9a-f]{64}$/);
        expect(refusal).toEqual({});
      },
    );
  },
);

test("every part is in some file", () => {
  const texts = architectures.map((one) =>
    readFileSync(new URL(`${modelingModule(one, "LSG")}.py`, MODELING_FOLDER), "utf8"),
  );
  const names = [...parts.values()].flatMap((part) =>
    [...part.matchAll(/^(?:class|def) (\w+)|^(\w+) = /gm)].map(([, a, b]) => a ?? b!),
  );
  const unused = names.filter(
    (name) => !texts.some((text) => new RegExp(`^(class |def )?${name}\\b`, "m").test(text)),
  );
  expect(unused).toEqual([]);
});

test("this version is none of the earlier ones", () => {
  expect([...EARLIER_MODELING.keys()]).not.toContain(packageInfo().version);
});
