import type { FileSource } from "../checkpoint/file-source.js";
import { SETTINGS_FILE } from "../checkpoint/sentence-transformers/model-kind.js";
import { MODULES_FILE } from "../checkpoint/sentence-transformers/modules-json.js";
import { addTokens, filesForTokens, type TokenIdMap } from "../tokenizer/add-tokens.js";
import { limitsLength, raiseLength } from "../tokenizer/raise-length.js";
import { TOKENIZER_FILES } from "../tokenizer/special-tokens.js";
import { filesForSorting, leftOutSentence, type SourceFiles, sortFiles } from "./left-out.js";
import type { OmittedFile, SideFile } from "./types.js";

/** What we write ourselves, or the modelling code of an earlier conversion. */
const REPLACED = /^(config\.json|README\.md|lsg_conversion\.json|(modeling_)?lsg_\w+\.py)$/;

/** Files whose contents decide something besides a length. */
const READ_FILES: ReadonlySet<string> = new Set([
  ...TOKENIZER_FILES,
  MODULES_FILE,
  SETTINGS_FILE,
  "README.md",
]);

export interface SideFileInputs extends SourceFiles {
  /** Contents of files that are not to be as they lie in the source. */
  readonly rewritten: ReadonlyMap<string, Buffer> | undefined;
  readonly length: Parameters<typeof raiseLength>[2];
  /** Python files to be put into the result. */
  readonly modeling: readonly string[];
  /** What the tokenizer gets. */
  readonly tokens: TokenIdMap;
}

/** The side files of which a plan needs the content, not only the name. */
export function filesForPlan(files: SideFileInputs["files"]): string[] {
  const paths = [...files.keys()].filter((path) => limitsLength(path) || READ_FILES.has(path));
  return [...new Set([...paths, ...filesForSorting(files)])];
}

/** A source's files, with what it takes to sort them. */
export async function readForSorting({ files, read }: FileSource): Promise<SourceFiles> {
  const contents = new Map<string, Buffer>();
  for (const path of filesForSorting(files)) contents.set(path, await read(path));
  return { files, contents };
}

/** What becomes of the source's small files: all stay, lengths raised, tokens added, except for those we write anew. */
export function planSideFiles({ files, contents, rewritten, length, modeling, tokens }: SideFileInputs): {
  sideFiles: SideFile[];
  omitted: OmittedFile[];
  notes: string[];
} {
  const { kept, omitted } = sortFiles({ files, contents });
  const tokenFiles = Object.keys(tokens).length > 0 ? filesForTokens(contents) : { edited: [], created: [] };
  const sideFiles = kept
    .filter((path) => !REPLACED.test(path))
    .map((path): SideFile => {
      const changed = rewritten?.get(path);
      if (changed) return { kind: "write", path, content: changed.toString("utf8") };
      const content = contents.get(path);
      const { edits } = content && limitsLength(path) ? raiseLength(path, content, length) : { edits: [] };
      if (tokenFiles.edited.includes(path)) return { kind: "edit", path, edits, addsTokens: true };
      return edits.length > 0 ? { kind: "edit", path, edits } : { kind: "copy", path };
    });
  for (const path of tokenFiles.created) {
    const { content } = raiseLength(path, addTokens(path, Buffer.from("{}"), tokens), length);
    sideFiles.push({ kind: "write", path, content: `${content}\n` });
  }
  sideFiles.push(...modeling.map((path) => ({ kind: "modeling" as const, path })));
  const leftOut = leftOutSentence(omitted, kept);
  return { sideFiles, omitted, notes: leftOut === undefined ? [] : [leftOut] };
}
