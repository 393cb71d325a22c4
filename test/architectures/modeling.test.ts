import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { assembleModeling, readParts } from "../../converters/modeling/assemble.js";
import { allArchitectures } from "../../src/architectures/architectures.js";
import { classNameOf } from "../../src/architectures/class-names.js";
import { EARLIER_MODELING } from "../../src/architectures/earlier-modeling.js";
import { modelingCode, modelingModule, NEEDS_CODE } from "../../src/architectures/modeling.js";
import { isBase } from "../../src/architectures/tasks.js";
import { lsgRow } from "../../src/attention/lsg.js";
import { firstTokenUse, MERGES_BY_USE, windowsRow } from "../../src/attention/windows.js";
import { LICENCE, MODELING_FOLDER, packageInfo } from "../../src/base/package.js";

/** transformers has Longformer's code itself. */
const architectures = (await allArchitectures()).filter(
  ({ encoder }) => encoder.embeddings.global !== undefined,
);

const VARIANTS = [lsgRow, windowsRow];

const LSG = lsgRow.code;

const parts = readParts();

const files = VARIANTS.flatMap((variant) =>
  architectures.map((one) => [modelingModule(one, variant.code.prefix), one, variant] as const),
);

function textOf(module: string): string {
  return readFileSync(new URL(`${module}.py`, MODELING_FOLDER), "utf8");
}

describe.each(files)("the file %s", (module, architecture, { code, autoMap }) => {
  const text = textOf(module);

  test("is all that a folder gets", () => {
    expect([...modelingCode(architecture, code).files.keys()]).toEqual([`${module}.py`]);
  });

  test("imports no other file of the folder", () => {
    const imported = [...text.matchAll(/^\s*(?:from (\S+) import|import (\S+))/gm)].map(([, a, b]) => a ?? b);
    expect(imported.length).toBeGreaterThan(5);
    expect(
      imported.filter(
        (name) =>
          !/^(__future__|contextvars|dataclasses|functools|math|typing|torch|transformers)(\.|$)/.test(name!),
      ),
    ).toEqual([]);
  });

  test("begins with version and licence, and holds no sign of when or where it was made", () => {
    const head = text.slice(0, text.indexOf('"""'));
    expect(head).toContain(`lsg-convert ${packageInfo().version}`);
    const words = (words: string) => words.replace(/[#\s]+/g, " ").trim();
    expect(words(head)).toContain(words(readFileSync(LICENCE, "utf8")));
    expect(text).not.toMatch(/(lsg|windows|dense)_\w+\.py|converters\/|file:/);
  });

  test("defines every class that auto_map names, the config's too, each once", () => {
    const classes = Object.values(autoMap(architecture));
    expect(classes.length).toBeGreaterThan(1);
    for (const path of classes) {
      const [file, name] = path.split(".");
      expect(file).toBe(module);
      expect(text.match(new RegExp(`^class ${name}\\(`, "gm")), path).toHaveLength(1);
    }
    const defined = [...text.matchAll(/^(?:class|def) (\w+)|^(\w+) = /gm)].map(([, a, b]) => a ?? b);
    expect(defined.filter((name, i) => defined.indexOf(name) !== i)).toEqual([]);
  });

  test("refuses to be passed over by the name that config.json gives, where the plain class would compute something else", () => {
    const refusal = code.opensPlain ? {} : { _attn_implementation: NEEDS_CODE };
    expect(modelingCode(architecture, code).refusal).toEqual(refusal);
    expect(text.includes(`"${NEEDS_CODE}"`)).toBe(!code.opensPlain);
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
});

test("every part is in some file", () => {
  const texts = files.map(([module]) => textOf(module));
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

describe.each(architectures.map((one) => [one.modelType, one] as const))(
  "windows of %s",
  (_, architecture) => {
    const text = textOf(modelingModule(architecture, "Windows"));

    test("know of each class what it makes of a row's first token", () => {
      for (const [key, head] of Object.entries(architecture.heads)) {
        if (head.auto === "CausalLM") continue;
        const name = `Windows${classNameOf(architecture, key)}`;
        const [, body] =
          new RegExp(`^class ${name}\\([^:]*:\\n((?:    .*\\n|\\n(?=    ))*)`, "m").exec(text) ?? [];
        const inherited = isBase(head) && !architecture.decoder ? "state" : "none";
        const own = /first_token_use = "(.*)"/.exec(body ?? "")?.[1];
        expect(own ?? inherited, name).toBe(firstTokenUse(architecture, head));
      }
    });

    test("know whether types are an input and tell a pair's texts", () => {
      const { kind } = architecture.encoder.embeddings.types;
      expect(/^ {4}types_tell_texts = True$/m.test(text)).toBe(kind.startsWith("input"));
    });

    test("merge as config.json says, with the same defaults", () => {
      const [, table] = /^MERGES = (\{.*?^\})/ms.exec(text) ?? [];
      const json = table!
        .replaceAll("(", "[")
        .replaceAll(/,?\)/g, "]")
        .replace(/,\s*\}/, "}");
      expect(JSON.parse(json)).toEqual(MERGES_BY_USE);
    });
  },
);
