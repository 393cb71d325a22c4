import type { Architecture } from "../architectures/architecture.js";
import { allArchitectures, findArchitecture } from "../architectures/architectures.js";

/** A module in which a model stands among other things: a tagger with its CRF, a search's two towers. */
export interface Wrapper {
  /** What the names of the model's tensors begin with; several where it holds several models. */
  readonly prefixes: readonly [string, ...string[]];
  /** Names that do not begin with the first of them. */
  readonly outside: readonly string[];
  /** Whether the model is a base model alone, without a head. */
  readonly isBase: boolean;
}

/** Tensors by the names that the model itself gives them. */
export interface Unwrapped<T> {
  readonly tensors: ReadonlyMap<string, T>;
  /** Where there is one, the names are still those of the files. */
  readonly wrapper?: Wrapper;
  readonly remarks: readonly string[];
}

/** A place where a model's word embeddings were found. */
interface Root {
  /** What stands before their name in the file: `module.bert.`. */
  readonly raw: string;
  /** The base model's own part of it, as a class with a head has it: `bert.`, or nothing. */
  readonly own: string;
  /** What a module around the model puts before all names, segments that mean nothing left out. */
  readonly prefix: string;
}

/** What torch.compile, Fabric, FSDP and activation checkpointing put into the names of a module that they wrap. */
const TRANSPARENT = new Set([
  "_orig_mod",
  "_forward_module",
  "_fsdp_wrapped_module",
  "_checkpoint_wrapped_module",
]);

/** The same of DataParallel; taken for that on the way to the model only, since other modules may be called so. */
const PARALLEL = "module";

/**
 * Takes off what stands before every name of a model: `module.`, `_orig_mod.`, or what the model is called in a module
 * around it, which may be a base model's own name (`bert.bert.…`). Only where that module holds nothing else: with
 * more in it, it computes what nobody knows here.
 * @param modelType `model_type` of the config; where there is none, the names of all model types are tried
 */
export async function unwrapTensors<T extends { readonly shape: readonly number[] }>(
  stored: ReadonlyMap<string, T>,
  modelType: unknown,
): Promise<Unwrapped<T>> {
  const roots = findRoots([...stored.keys()], await architecturesOf(modelType));
  const root = roots.find(({ raw, own }) => raw === own) ?? roots[0];
  if (!root) return { tensors: stored, remarks: [] };
  const tensors = new Map<string, T>();
  const outside: string[] = [];
  for (const [name, tensor] of stored) {
    const inner = unwrapped(name, root);
    // A number alone computes nothing: an averaged model counts in one.
    if (inner === undefined && tensor.shape.length > 0) outside.push(name);
    else tensors.set(inner ?? name, tensor);
  }
  if (outside.length > 0) {
    const [first, ...others] = new Set(
      [root, ...roots].map(({ raw, own }) => raw.slice(0, raw.length - own.length)),
    );
    return {
      tensors: stored,
      wrapper: { prefixes: [first ?? "", ...others], outside, isBase: root.own === "" },
      remarks: [],
    };
  }
  const isSame = [...tensors.keys()].every((name) => stored.has(name));
  // Two names that become one are for the error that names them both.
  if (isSame || tensors.size < stored.size) return { tensors: stored, remarks: [] };
  return {
    tensors,
    remarks: [
      remark(
        [...stored].flatMap(([name, { shape }]) => (shape.length > 0 ? [name] : [])),
        root,
      ),
    ],
  };
}

async function architecturesOf(modelType: unknown): Promise<readonly Architecture[]> {
  if (modelType === undefined || modelType === null || modelType === "") return allArchitectures();
  // Of a model type that is not known nothing is known, and its error comes later.
  const known = await findArchitecture(modelType).catch(() => undefined);
  return known ? [known] : [];
}

function findRoots(names: readonly string[], architectures: readonly Architecture[]): Root[] {
  const roots = new Map<string, Root>();
  for (const architecture of architectures) {
    const own = `${architecture.basePrefix}.`;
    for (const name of names) {
      for (const anchor of wordEmbeddings(architecture)) {
        const root = rootOf(name, anchor, own);
        // Of several model types the one counts whose own name stands there.
        if (root && (roots.get(root.raw)?.own ?? "") === "") roots.set(root.raw, root);
      }
    }
  }
  return [...roots.values()];
}

/** All names that the word embeddings can have below the base model. */
function wordEmbeddings({ encoder, decoder }: Architecture): string[] {
  const { word, wordCopy } = encoder.embeddings;
  const modules = [word, wordCopy, decoder?.embeddings.wordCopy].filter((module) => module !== undefined);
  return modules.map((module) => `${module}.weight`);
}

function rootOf(name: string, anchor: string, basePrefix: string): Root | undefined {
  if (name !== anchor && !name.endsWith(`.${anchor}`)) return undefined;
  const raw = name.slice(0, -anchor.length);
  const cleaned = joined(
    raw.split(".").filter((segment) => segment !== PARALLEL && !TRANSPARENT.has(segment)),
  );
  const ends = (text: string) => text === basePrefix || text.endsWith(`.${basePrefix}`);
  return {
    raw,
    own: ends(raw) ? basePrefix : "",
    prefix: ends(cleaned) ? cleaned.slice(0, -basePrefix.length) : cleaned,
  };
}

/** A name as the model has it; undefined for one outside of the model. */
function unwrapped(name: string, { raw, prefix }: Root): string | undefined {
  const path = raw.split(".");
  const segments = name.split(".");
  const shared = segments.findIndex((segment, i) => segment !== path[i]);
  const inner = joined(
    segments.filter((segment, i) => !TRANSPARENT.has(segment) && !(segment === PARALLEL && i < shared)),
  );
  return inner.startsWith(prefix) ? inner.slice(prefix.length) : undefined;
}

function joined(segments: readonly string[]): string {
  return segments.join(".");
}

function remark(names: readonly string[], { raw, own }: Root): string {
  const before = raw.slice(0, raw.length - own.length);
  if (before !== "" && names.every((name) => name.startsWith(before))) {
    return `Every tensor's name begins with ${JSON.stringify(before)}: read without it, as the model itself names them.`;
  }
  return `What wrappers put into tensors' names (${[...TRANSPARENT, PARALLEL].join(", ")}) is read past.`;
}
