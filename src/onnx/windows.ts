import type { WindowsConfig } from "../attention/windows.js";
import type { EncoderAttention } from "./encoder.js";

/** The source's layers over windows of each row; what tokens give is put together again. */
export function windowsEncoder(_: WindowsConfig): EncoderAttention {
  throw new Error("not yet");
}
