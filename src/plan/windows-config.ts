import {
  DEFAULT_WINDOW_OVERLAP,
  type FirstTokenUse,
  firstTokenUse,
  MERGES_BY_USE,
  mostShared,
  type WindowsConfig,
  windowsRow,
} from "../attention/windows.js";
import { OptionError } from "../base/errors.js";
import type { ModelKind } from "../checkpoint/sentence-transformers/model-kind.js";
import type { Contents, Model } from "../model/model.js";
import type { Modules } from "../model/modules.js";
import type { ConversionOptions } from "../options/options.js";
import { findTemplate, type TextTemplate } from "../tokenizer/template.js";
import type { PlanInputs } from "./plan-inputs.js";

/**
 * The keys of the result: what was asked for, else what a source has that reads windows already, else the defaults.
 * @throws OptionError for windows without room
 */
export function resolveWindows(
  model: Model,
  { options, contents, kind, modules }: PlanInputs,
): WindowsConfig {
  const { architecture, config, source, target } = model;
  const { merge, windowOverlap } = options;
  const template = templateOf(model, contents, kind);
  const use = usedInFolder(model, modules);
  refuseMerge(model, options, use, template);
  const { head, tail, separator } = template;
  const size = model.positions().maxLength;
  const around = head + tail;
  if (around > size / 2) {
    throw new OptionError(
      `--to windows: the tokenizer puts ${around} tokens around a text, and windows of ${size} leave too few for it`,
      "Use --to lsg.",
    );
  }
  const most = mostShared(size, around);
  if (windowOverlap !== undefined && windowOverlap > most) {
    throw new OptionError(
      `--window-overlap ${windowOverlap}: windows of ${size}, each with ${around} tokens around its text, share ${most} at most`,
      `Take ${most} or fewer.`,
    );
  }
  const { window_merge, ...own } = windowsRow.marks(config) ? windowsRow.read(config) : {};
  return {
    window_size: size,
    window_head: head,
    window_tail: tail,
    window_separator: separator,
    window_overlap: DEFAULT_WINDOW_OVERLAP,
    ...own,
    // The base model does not know of the pooling behind it.
    ...(use === "none" && firstTokenUse(architecture, target.head) === "state" && { window_merge: "mean" }),
    // Another class may not know it.
    ...(window_merge !== undefined && target.className === source.className && { window_merge }),
    ...(windowOverlap !== undefined && { window_overlap: windowOverlap }),
    ...(merge !== undefined && { window_merge: merge }),
  };
}

/** What stands around a text. A ColBERT puts a marker of queries or documents behind its first token. */
function templateOf({ architecture }: Model, contents: Contents, kind: ModelKind | undefined): TextTemplate {
  const template = findTemplate(contents, architecture.tokenizerClass);
  return kind === "ColBERT" ? { ...template, head: template.head + 1 } : template;
}

const NOT_READ: Partial<Record<FirstTokenUse, string>> = {
  none: "nothing that it gives depends on the first token alone",
  answers: "an answer's scores are those of the windows, and the least of them stand for no answer",
};

/**
 * What is made of a row's first token: by the head, or by the pooling that follows it in the folder.
 * @param modules what follows the transformer, if anything does: not another class than its own
 */
function usedInFolder({ architecture, source, target }: Model, modules: Modules | undefined): FirstTokenUse {
  const steps = target.className === source.className ? modules?.steps : undefined;
  const pools = steps?.some((step) => step.kind === "pooling" && step.modes.includes("cls"));
  return pools === false ? "none" : firstTokenUse(architecture, target.head);
}

/** @throws OptionError for a merge that does not go with what is made of the first token */
function refuseMerge(
  { target }: Model,
  { merge }: ConversionOptions,
  use: FirstTokenUse,
  { head }: TextTemplate,
): void {
  if (merge === undefined) return;
  const [usual, ...others] = MERGES_BY_USE[use];
  const known = [...(usual === "least" ? [] : [usual]), ...others];
  const isRepeated = head > 0 || use === "logits of a decoder";
  if (isRepeated && known.includes(merge)) return;
  const reason = isRepeated
    ? NOT_READ[use]
    : "its tokenizer puts no token before a text that windows could repeat";
  throw new OptionError(
    `--merge ${merge}: the windows of ${target.className} cannot be merged so${reason === undefined ? "" : `: ${reason}`}`,
    isRepeated && others.length > 0 ? `Use one of ${known.join(", ")}; or leave it out.` : "Leave it out.",
  );
}
