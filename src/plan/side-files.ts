import type { FileSource } from "../checkpoint/file-source.js";
import { leftOutSentence, type OmittedFile, type SourceFiles, sortFiles } from "../checkpoint/left-out.js";
import { MODULES_FILE } from "../checkpoint/sentence-transformers/modules-json.js";
import { addTokens, filesForTokens, type TokenIdMap } from "../tokenizer/add-tokens.js";
import {
  type Lengths,
  limitsLength,
  limitsSentences,
  raiseLength,
  SENTENCE_LIMITS,
} from "../tokenizer/raise-length.js";
import type { SideFile } from "./types.js";

/** What we write ourselves, or the modelling code of an earlier conversion. */
const REPLACED =
  /^(config\.json|README\.md|lsg_conversion\.json|((modeling_)?lsg|modeling_windows)_\w+\.py)$/;

export interface SideFileInputs extends SourceFiles {
  /** Contents of files that are not to be as they lie in the source. */
  readonly rewritten: ReadonlyMap<string, Buffer> | undefined;
  /** JSON files that are not copied as they lie in the source. */
  readonly mended: FileSource["mended"];
  readonly length: Lengths;
  /** Python files to be put into the result. */
  readonly modeling: readonly string[];
  readonly tokens: TokenIdMap;
}

/** What becomes of the source's small files: all stay, lengths raised, tokens added, except for those we write anew. */
export function planSideFiles({
  files,
  contents,
  rewritten,
  mended,
  length,
  modeling,
  tokens,
}: SideFileInputs): {
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
      if (changed) {
        const content = mended?.get(path)?.content ?? changed;
        return { kind: "write", path, content: content.toString("utf8") };
      }
      const content = contents.get(path);
      const { edits } = content && limitsLength(path) ? raiseLength(path, content, length) : { edits: [] };
      if (tokenFiles.edited.includes(path)) return { kind: "edit", path, edits, tokens };
      const stays = edits.length === 0 && !mended?.has(path);
      return stays ? { kind: "copy", path } : { kind: "edit", path, edits };
    });
  for (const path of tokenFiles.created) {
    const { content } = raiseLength(path, addTokens(path, Buffer.from("{}"), tokens), length);
    sideFiles.push({ kind: "write", path, content: `${content}\n` });
  }
  if (length.tableStays && contents.has(MODULES_FILE) && !kept.some(limitsSentences)) {
    const { content } = raiseLength(SENTENCE_LIMITS, Buffer.from("{}"), length);
    sideFiles.push({ kind: "write", path: SENTENCE_LIMITS, content: `${content}\n` });
  }
  sideFiles.push(...modeling.map((path) => ({ kind: "modeling" as const, path })));
  const leftOut = leftOutSentence(omitted, kept);
  return { sideFiles, omitted, notes: leftOut === undefined ? [] : [leftOut] };
}

/** What owners put beside a model, and loaders don't read. */
export const HARMLESS =
  /(^|\/)((LICEN[CS]E|NOTICE)([-_][\w-]+)?(\.(txt|rst))?|\.git(attributes|ignore)|\.DS_Store)$|\.(md|png|jpe?g|gif|svg|pdf|html)$/i;

/** Whether anything that computes may read a file of that path. */
export function isRead(path: string): boolean {
  return !HARMLESS.test(path);
}
