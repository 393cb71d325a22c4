export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The attention of the converted model, for pictures. */
export interface AttentionShape {
  readonly block_size: number;
  readonly num_global_tokens: number;
  /** Sparse keys on each side of a block's neighbours, and from how many tokens one of them comes; 0: none. */
  readonly sparse_block_size: number;
  readonly sparsity_factor: number;
  readonly causal: boolean;
}
