import { readdirSync, readFileSync } from "node:fs";
import { allArchitectures } from "../../src/architectures/architectures.js";

const FIXTURES = new URL("../../fixtures/tokenizers/", import.meta.url);

/** The tokenizer class of each model type. */
const CLASS_OF_MODEL_TYPE = new Map(
  (await allArchitectures()).map(({ modelType, tokenizerClass }) => [modelType, tokenizerClass]),
);

/** What transformers says of each folder. */
export function answers<T>(file: string): Record<string, T> {
  return JSON.parse(readFileSync(new URL(file, FIXTURES), "utf8"));
}

/** The files of one of fixtures/tokenizers. */
export function folder(name: string): Map<string, Buffer> {
  const url = new URL(`${name}/`, FIXTURES);
  return new Map(readdirSync(url).map((file) => [file, readFileSync(new URL(file, url))]));
}

/** Its model type's tokenizer class. */
export function defaultsOf(files: ReadonlyMap<string, Buffer>): string {
  const { model_type } = JSON.parse(String(files.get("config.json")));
  return CLASS_OF_MODEL_TYPE.get(model_type) ?? "";
}

/** Files by their contents: text, or JSON. */
export function files(contents: Record<string, string | object>): Map<string, Buffer> {
  const bytes = (content: string | object) =>
    Buffer.from(typeof content === "string" ? content : JSON.stringify(content));
  return new Map(Object.entries(contents).map(([name, content]) => [name, bytes(content)]));
}
