/** Times and memory of one graph at one length. */
export interface Measurement {
  readonly length: number;
  /** Of one run over all rows of a batch. */
  readonly seconds: { readonly median: number; readonly min: number; readonly max: number };
  readonly tokens_per_second: number;
  /** The most memory that the process had so far, in MB of 10^6 bytes; lengths ascend. */
  readonly megabytes: number;
}

export interface MeasuredGraph {
  readonly name: string;
  /** From a file to a session that can run. */
  readonly load_seconds: number;
  readonly measurements: readonly Measurement[];
  /** Why there are lengths without figures, a sentence each. */
  readonly notes: readonly string[];
}

/** What `lsg bench --json` prints. */
export interface BenchReport {
  readonly format_version: 1;
  readonly model: string;
  readonly model_type: string;
  readonly device: { readonly name: string; readonly detail: string };
  readonly versions: { readonly lsg: string; readonly node: string; readonly onnxruntime: string };
  readonly machine: { readonly cores: number; readonly memory_bytes: number };
  readonly batch_size: number;
  readonly runs: number;
  readonly seed: number;
  /** The model first, then what it is compared with. */
  readonly graphs: readonly [MeasuredGraph, MeasuredGraph];
  /** Lengths at which both cost the same, between those measured; null where one is ahead at all of them. */
  readonly crossing: { readonly seconds: number | null; readonly megabytes: number | null };
}
