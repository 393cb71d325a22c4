import { mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { openFolder } from "../../src/checkpoint/folder.js";
import { openModel } from "../../src/model/open.js";
import { readRecord } from "../../src/plan/conversion-record.js";
import { checkFolder } from "../../src/verify/folder/checks.js";
import { importPath } from "../../src/verify/python/ask-transformers.js";
import { writeOpened } from "../../src/verify/python/opened-folder.js";
import { createRecorder } from "../../src/verify/recorder.js";
import { temporaryFolder } from "../support/fixtures.js";
import { append, type Damage, edit, put, remove, set } from "./damage.js";
import { convertedSmallBart } from "./small-bart.js";
import { convertedSmallBert, failing, textOf } from "./support.js";

const bert = convertedSmallBert();
const bart = convertedSmallBart();
const longformer = convertedSmallBert({}, { to: "longformer" });

/** What looking at a folder's files finds, and whether Python may open it. */
async function looked(folder: string, against?: string) {
  const source = await openFolder(folder);
  const opened = openModel(source);
  const recorder = createRecorder({}, undefined);
  const record = await readRecord(source).catch(() => undefined);
  const original = against === undefined ? undefined : openModel(await openFolder(against));
  const { modeling } = await checkFolder({ opened, record, original, signal: undefined }, recorder);
  return { modeling, checks: recorder.checks };
}

/** An entry of config.json's auto_map. */
const entry =
  (auto: string, value: unknown): Damage =>
  (folder) =>
    edit(folder, "config.json", (config) => {
      config.auto_map = { ...config.auto_map, [auto]: value };
    });

const code = (file: string): Damage => put(file, "open('/nowhere/canary', 'w')\n");
const both =
  (...damages: readonly Damage[]): Damage =>
  (folder) => {
    for (const damage of damages) damage(folder);
  };

const MODULE = "modeling_lsg_bert";

/** By what each does: something that Python would run, import or unpickle, were it to open the folder as it is. */
const HOSTILE: Readonly<Record<string, Damage>> = {
  "a folder of the current directory": both(
    entry("AutoModelForMaskedLM", `${MODULE}.x--${MODULE}.LSGBertForMaskedLM`),
    code(`${MODULE}.x/${MODULE}.py`),
  ),
  "a repository": entry("AutoModelForMaskedLM", `org/name--${MODULE}.LSGBertForMaskedLM`),
  "a folder that is called as our module": entry("AutoConfig", `${MODULE}--${MODULE}.LSGBertConfig`),
  "a module below ours": entry("AutoConfig", `${MODULE}.x.LSGBertConfig`),
  "another class of our module": entry("AutoConfig", `${MODULE}.LSGBertModel`),
  "a class that our module imports": entry("AutoModel", `${MODULE}.BertModel`),
  "a path": entry("AutoModel", `../${MODULE}.LSGBertModel`),
  "blanks around it": entry("AutoModel", ` ${MODULE}.LSGBertModel`),
  "a list": entry("AutoModel", [`${MODULE}.LSGBertModel`]),
  "an entry more": entry("AutoTokenizer", ["tokenization_x.X", null]),
  "an entry of a kind that nobody knows": entry("AutoAnything", `${MODULE}.LSGBertModel`),
  "no auto_map": set("config.json", "auto_map", undefined),
  "an auto_map that is a text": set("config.json", "auto_map", `${MODULE}.LSGBertModel`),
  "the auto_map of a tokenizer": set("tokenizer_config.json", "auto_map", {
    AutoTokenizer: ["x--tokenization_x.X", null],
  }),
  "the auto_map of a processor": put(
    "processor_config.json",
    JSON.stringify({ auto_map: { AutoProcessor: "processing_x.X" } }),
  ),
  "the auto_map of a preprocessor": put(
    "preprocessor_config.json",
    JSON.stringify({ auto_map: { AutoFeatureExtractor: "x.X" } }),
  ),
  "the auto_map of an encoder's config within": set("config.json", "encoder", {
    auto_map: { AutoConfig: "x.X" },
  }),
  "the auto_map of a config in a list": set("config.json", "stacks", [{ auto_map: { AutoConfig: "x.X" } }]),
  "a kernel's repository": set("config.json", "attn_implementation", "kernels-community/flash-attn"),
  "a kernel's repository for a part": set("config.json", "decoder", {
    _attn_implementation: "org/kernel@main:attention",
  }),
  "a kernel in the place of our refusal": set("config.json", "_attn_implementation", "org/kernel"),
  "another file of weights": set("config.json", "transformers_weights", "weights.bin"),
  "a pipeline of its own": set("config.json", "custom_pipelines", { x: { impl: "x.X", pt: ["AutoModel"] } }),
  "a way to generate of its own": code("custom_generate/generate.py"),
  "a way to generate that a config names": put("generation_config.json", '{"custom_generate": "org/name"}'),
  "pickled weights beside ours": put("pytorch_model.bin", "PK\x03\x04"),
  "pickled weights by another name": put("model.pt", "PK\x03\x04"),
  "an adapter": put("adapter_config.json", '{"base_model_name_or_path": "org/name", "peft_type": "LORA"}'),
  "modules of another package": put(
    "modules.json",
    '[{"idx": 0, "name": "0", "path": "", "type": "my_module.X"}]',
  ),
  "an activation of another package": put(
    "2_Dense/config.json",
    '{"in_features": 4, "activation_function": "evil.Activation"}',
  ),
  "an activation of a cross-encoder": set("config.json", "sbert_ce_default_activation_function", "os.abort"),
  "the same in today's place": set("config.json", "sentence_transformers", { activation_fn: "evil.X" }),
  "a module behind a router": put("router_config.json", '{"types": {"query_0": "evil.Module"}}'),
  "our module with another byte": append(`${MODULE}.py`, "\n"),
  "our module with other line ends": (folder) => {
    const path = join(folder, `${MODULE}.py`);
    writeFileSync(path, readFileSync(path, "utf8").replaceAll("\n", "\r\n"));
  },
  "our module with a byte order mark": (folder) => {
    const path = join(folder, `${MODULE}.py`);
    writeFileSync(path, `\uFEFF${readFileSync(path, "utf8")}`);
  },
  "a package in the place of our module": both(remove(`${MODULE}.py`), code(`${MODULE}/__init__.py`)),
};

describe("a folder that would have Python run or unpickle something is a finding and not opened", () => {
  test.each(Object.entries(HOSTILE))("beside its original: %s", async (_, damage) => {
    const folder = await bert.copy();
    damage(folder);
    const { modeling, checks } = await looked(folder, bert.source);
    expect(failing(checks)).not.toEqual([]);
    expect(modeling).toHaveProperty("notRun");
  });

  test.each(Object.entries(HOSTILE))("without it: %s", async (_, damage) => {
    const folder = await bert.copy();
    damage(folder);
    const { modeling, checks } = await looked(folder);
    expect(failing(checks)).not.toEqual([]);
    expect(modeling).toHaveProperty("notRun");
  });

  test.each(Object.entries(HOSTILE))("trained further: %s", async (name, damage) => {
    const folder = await bert.copy();
    damage(folder);
    remove("lsg_conversion.json")(folder);
    const { modeling, checks } = await looked(folder);
    // An adapter stands in the place of the model itself.
    expect(failing(checks)).toEqual(name === "an adapter" ? ["model"] : []);
    if (name === "an adapter") return;
    expect(checks.find(({ id }) => id === "modeling")).toMatchObject({ verdict: "skipped" });
    expect(modeling).toHaveProperty("notRun");
  });
});

test("what is said of a foreign entry: file, key, found, expected, remedy", async () => {
  const folder = await bert.copy();
  entry("AutoModelForMaskedLM", `${MODULE}.x--${MODULE}.LSGBertForMaskedLM`)(folder);
  const { checks } = await looked(folder);
  expect(textOf(checks, "modeling")).toContain(
    `config.json: auto_map.AutoModelForMaskedLM is "${MODULE}.x--${MODULE}.LSGBertForMaskedLM", ` +
      `expected "${MODULE}.LSGBertForMaskedLM"`,
  );
  expect(checks.find(({ id }) => id === "modeling")?.remedy).toBe("Convert the original again.");
});

test("the remedy for what may be the original's own: naming it", async () => {
  const folder = await bert.copy();
  const foreign = set("tokenizer_config.json", "auto_map", { AutoTokenizer: ["tokenization_x.X", null] });
  foreign(folder);
  const { checks } = await looked(folder);
  expect(textOf(checks, "modeling")).toMatch(/tokenizer_config\.json: auto_map is .*, expected to be absent/);
  expect(checks.find(({ id }) => id === "modeling")?.remedy).toMatch(/--against/);
  // Followed: an original that has it too.
  const original = join(await temporaryFolder(), "original");
  mkdirSync(original);
  for (const file of readdirSync(bert.source))
    writeFileSync(join(original, file), readFileSync(join(bert.source, file)));
  foreign(original);
  const compared = await looked(folder, original);
  expect(failing(compared.checks)).toEqual([]);
  expect(compared.modeling).toHaveProperty("files");
});

test("what sentence-transformers has itself is no finding", async () => {
  const folder = await bert.copy();
  const module = { activation_function: "torch.nn.modules.activation.Tanh" };
  put("2_Dense/config.json", JSON.stringify(module))(folder);
  put("modules.json", '[{"path": "", "type": "sentence_transformers.models.Transformer"}]')(folder);
  put("router_config.json", '{"types": {"query_0": "sentence_transformers.models.Transformer"}}')(folder);
  set("config.json", "sbert_ce_default_activation_function", "torch.nn.modules.linear.Identity")(folder);
  expect(failing((await looked(folder)).checks)).toEqual([]);
});

test("a Longformer has no code, and none is asked for", async () => {
  const folder = await longformer.copy();
  expect((await looked(folder)).checks.map(({ id }) => id)).not.toContain("modeling");
  set("config.json", "auto_map", { AutoModel: "x.X" })(folder);
  const { modeling, checks } = await looked(folder);
  expect(textOf(checks, "modeling")).toMatch(
    /config\.json: auto_map is \{"AutoModel":"x\.X"\}, expected to be/,
  );
  expect(modeling).toHaveProperty("notRun");
});

test("a model that generates is held to the same", async () => {
  const folder = await bart.copy();
  code("custom_generate/generate.py")(folder);
  const { modeling, checks } = await looked(folder);
  expect(failing(checks)).toEqual(["modeling"]);
  expect(modeling).toHaveProperty("notRun");
});

describe("the folder that Python sees", () => {
  test("holds what was proven and nothing else, whatever lies in the folder under test", async () => {
    const folder = await bert.copy();
    code("other.py")(folder);
    code(".hidden/evil.py")(folder);
    code("custom_generate/generate.py")(folder);
    put("adapter_model.safetensors", "{}")(folder);
    put("pytorch_model.bin", "PK")(folder);
    edit(folder, "config.json", (config) => {
      Object.assign(config, {
        ...{ attn_implementation: "org/kernel", transformers_weights: "x.bin", _name_or_path: "org/name" },
        ...{ quantization_config: { quant_method: "x" }, torch_dtype: "float16", trust_remote_code: true },
        ...{ encoder: { auto_map: { AutoConfig: "x.X" } }, task_specific_params: { auto_map: {} } },
        ...{ hidden_act: { auto_map: "x" }, my_own_key: "x--y.Z" },
        ...{ model_type: "bert", auto_map: { AutoConfig: "x--y.Z" }, _attn_implementation: "org/kernel" },
      });
    });
    const model = await openModel(await openFolder(await bert.copy())).model();
    const checkpoint = await openModel(await openFolder(folder)).checkpoint();
    const opened = join(await temporaryFolder(), "opened");
    const opening = await writeOpened({ ...model, checkpoint }, new Map([["m.py", Buffer.from("")]]), opened);
    expect(opening).toEqual({ class: "AutoModelForMaskedLM", code: true });
    expect(readdirSync(opened).sort()).toEqual(["config.json", "m.py", "model.safetensors"]);
    const config = JSON.parse(readFileSync(join(opened, "config.json"), "utf8"));
    const proven = JSON.parse(readFileSync(join(bert.folder, "config.json"), "utf8"));
    const { hidden_act: _, my_own_key: __, tokenizer_class: ___, ...computes } = proven;
    expect(config).toEqual(computes);
  });

  test("has weights by names of its own", async () => {
    const folder = await bert.copy();
    renameSync(join(folder, "model.safetensors"), join(folder, "x.bin"));
    const weights = { metadata: {}, weight_map: {} as Record<string, string> };
    const model = await openModel(await openFolder(bert.folder)).model();
    for (const name of model.checkpoint.tensors.keys()) weights.weight_map[name] = "x.bin";
    put("model.safetensors.index.json", JSON.stringify(weights))(folder);
    const opened = join(await temporaryFolder(), "opened");
    const checkpoint = await openModel(await openFolder(folder)).checkpoint();
    await writeOpened({ ...model, checkpoint }, new Map(), opened);
    expect(readdirSync(opened).sort()).toEqual(["config.json", "model.safetensors"]);
  });

  test("has no pickle in the place of weights", async () => {
    const model = await openModel(await openFolder(bert.folder)).model();
    const { checkpoint } = model;
    const weightFiles = checkpoint.weightFiles.map((file) => ({ ...file, format: "PyTorch" as const }));
    const pickled = { ...model, checkpoint: { ...checkpoint, weightFiles } };
    const opened = join(await temporaryFolder(), "opened");
    await expect(writeOpened(pickled, new Map(), opened)).rejects.toThrow(/is no safetensors file/);
  });
});

test("Python imports nothing from the current directory, or from the folder under test", () => {
  const given = ["", ".", process.cwd(), "libraries", "/somewhere/tf", "/a/folder", "/a/folder/inside"];
  expect(importPath(given.join(delimiter), "/a/folder")).toBe(
    [resolve("libraries"), "/somewhere/tf"].join(delimiter),
  );
  expect(importPath("", undefined)).toBe(undefined);
  expect(importPath(undefined, "/a/folder")).toBe(undefined);
});

test("nor by links that lead to them", async () => {
  const place = await temporaryFolder();
  for (const name of ["model", "model/..inside", "..model", "libraries"]) await mkdir(join(place, name));
  const links = { link: "model", current: process.cwd(), up: ".", tf: "libraries" };
  for (const [name, to] of Object.entries(links)) await symlink(to, join(place, name));
  const at = (...names: string[]) => names.map((name) => join(place, name)).join(delimiter);
  const real = (name: string) => join(realpathSync(place), name);
  for (const verified of ["model", "link", "up/model"]) {
    const given = at("current", "model", "link", "link/..inside", "model/..inside", "up/up/model", "tf");
    expect(importPath(given, join(place, verified))).toBe(real("libraries"));
  }
  expect(importPath(at("..model"), join(place, "up"))).toBe(undefined);
  expect(importPath(at("..model", "model"), join(place, "model"))).toBe(real("..model"));
});
