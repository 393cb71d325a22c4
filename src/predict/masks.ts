/** Users write masks so, whatever the tokenizer calls them. */
const MASKS = /<mask>|\[MASK\]/gi;

/** A text with the tokenizer's own token where users wrote a mask. */
export function withMaskToken(text: string, token: string): string {
  return text.replace(MASKS, () => token);
}
