/** Times and memory of one graph at one length. */
export interface Measurement {
  readonly length: number;
  /** Of one run over all rows of a batch. */
  readonly seconds: Spread;
  readonly tokens_per_second: number;
  /** The most memory that the process had so far, in MB of 10^6 bytes; lengths ascend. */
  readonly megabytes: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface MeasuredGraph {
  readonly name: string;
  /** From a file to a session that can run. */
  readonly load_seconds: Spread;
  /** By ascending length. */
  readonly measurements: readonly Measurement[];
  /** Why there are lengths without figures, a sentence each. */
  readonly notes: readonly string[];
}

/** Which of two graphs costs less, and from where on. */
export interface Comparison {
  /** Tokens at which both cost the same, for the last time; null where one is ahead at every length. */
  readonly crossing: number | null;
  /** The cheaper one at the longest input that both were measured at; null where there is none. */
  readonly ahead: "model" | "alternative" | null;
}

export interface Surroundings {
  readonly device: { readonly name: string; readonly detail: string };
  readonly versions: { readonly lsg: string; readonly node: string; readonly onnxruntime: string };
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memory_bytes: number };
}

/** What `lsg bench --json` prints. */
export interface BenchReport extends Surroundings {
  readonly format_version: 1;
  readonly model: string;
  readonly model_type: string;
  readonly against: string;
  readonly batch_size: number;
  readonly runs: number;
  readonly seed: number;
  readonly graphs: { readonly model: MeasuredGraph; readonly alternative: MeasuredGraph };
  readonly seconds: Comparison;
  readonly megabytes: Comparison;
}
