import { type AlignedText, changed, prepended, replaced, slice } from "./aligned-text.js";

/** A normalizer as the library has it, which types none of its parts. */
export interface Normalizer {
  normalize(text: string): string;
  readonly config: { readonly type?: string; readonly content?: string; readonly prepend?: string };
  /** Of a sequence. */
  readonly normalizers?: readonly (Normalizer | null)[];
  /** Of a replacement. */
  readonly pattern?: RegExp | null;
}

/** What a tokenizer's normalizer makes of a text, with the places that its characters come from. */
export function normalised(text: AlignedText, normalizer: Normalizer | null): AlignedText {
  if (!normalizer) return text;
  const { config, normalizers, pattern } = normalizer;
  switch (config.type) {
    case "Sequence":
      return (normalizers ?? []).reduce((x, one) => normalised(x, one), text);
    case "Replace":
      return pattern ? replaced(text, pattern, config.content ?? "") : text;
    case "Prepend":
      return text.text === "" ? text : prepended(text, config.prepend ?? "");
    case "Strip": {
      const stripped = normalizer.normalize(text.text);
      const start = text.text.indexOf(stripped);
      return slice(text, start, start + stripped.length);
    }
    default:
      return changed(text, (part) => normalizer.normalize(part));
  }
}
