import type { WindowsConfig } from "../../attention/windows.js";
import type { AttentionProof } from "./attention-proof.js";

/** The plan of windows, against its definition. */
export function windowsProof(_: WindowsConfig): AttentionProof {
  throw new Error("not yet");
}
