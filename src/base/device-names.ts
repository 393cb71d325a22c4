/** What `--device` takes: `auto` is the best that is really there, the others are execution providers. */
export const DEVICES = ["auto", "cpu", "webgpu", "cuda", "coreml", "dml"] as const;

/** Where a model runs. */
export type Device = Exclude<(typeof DEVICES)[number], "auto">;
