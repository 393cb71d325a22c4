import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { MODELING_FOLDER } from "../base/package.js";
import type { Architecture, Head } from "./architecture.js";
import { autoClassName, classNameOf } from "./class-names.js";
import { EARLIER_MODELING } from "./earlier-modeling.js";

/** The attention that config.json asks for, which no class of transformers has: they refuse to open the folder. */
export const NEEDS_CODE = "lsg_needs_trust_remote_code";

/** What a version of lsg puts into a folder for transformers to open it with. */
export interface ModelingCode {
  /** SHA-256 of the Python files, by name; empty where the model type has no such code. */
  readonly files: ReadonlyMap<string, string>;
  /**
   * Keys of config.json that keep transformers from opening its own class in silence, with full attention, where it is not
   * told to trust that code.
   */
  readonly refusal: Readonly<Record<string, unknown>>;
}

/** Classes that transformers does not have. */
export interface ModelingClasses {
  /** What their names begin with: "LSG". */
  readonly prefix: string;
  /** Whether transformers' own class may open a folder of them: it computes what the source did, and reads no more. */
  readonly opensPlain: boolean;
}

/**
 * The modelling code of a model type.
 * @param version of lsg, as a folder's record has it: an earlier one had other files
 */
export function modelingCode(
  architecture: Architecture,
  classes: ModelingClasses,
  version?: string,
): ModelingCode {
  const own = `${modelingModule(architecture, classes.prefix)}.py`;
  const earlier = EARLIER_MODELING.get(version ?? "");
  if (earlier) {
    const isNeeded = ([file]: [string, string]) => file === own || !file.startsWith("modeling_");
    return { files: new Map(Object.entries(earlier).filter(isNeeded)), refusal: {} };
  }
  if (!existsSync(MODELING_FOLDER))
    throw new Error(`${MODELING_FOLDER.pathname} is missing: npm run build makes it`);
  if (!readdirSync(MODELING_FOLDER).includes(own)) return { files: new Map(), refusal: {} };
  const content = readFileSync(new URL(own, MODELING_FOLDER));
  return {
    files: new Map([[own, sha256(content)]]),
    refusal: refusalOf(classes),
  };
}

/** Keys of config.json that keep transformers from opening its own class, where that would compute something else. */
export function refusalOf({ opensPlain }: ModelingClasses): ModelingCode["refusal"] {
  return opensPlain ? {} : { _attn_implementation: NEEDS_CODE };
}

/** As the hashes of modelling code are written. */
export function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The Python file that defines a model type's classes of a prefix, without its ending. */
export function modelingModule({ modelType }: Architecture, prefix: string): string {
  return `modeling_${prefix.toLowerCase()}_${modelType.replaceAll("-", "_")}`;
}

/**
 * config.json's `auto_map`: the classes that transformers opens a checkpoint with, all of them in one file beside it.
 * @param isDefined whether the file has a class for a head
 */
export function codeAutoMap(
  architecture: Architecture,
  prefix: string,
  isDefined: (head: Head) => boolean = () => true,
): Record<string, string> {
  const module = modelingModule(architecture, prefix);
  const heads = Object.entries(architecture.heads).filter(([, head]) => isDefined(head));
  const autoMap = heads.map(([key, { auto }]) => {
    const name = prefix + classNameOf(architecture, key);
    return [autoClassName(auto), `${module}.${name}`];
  });
  return {
    AutoConfig: `${module}.${prefix}${architecture.classPrefix}Config`,
    ...Object.fromEntries(autoMap),
  };
}
