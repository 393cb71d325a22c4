import { PickleError } from "../base/errors.js";
import type { PickleValue } from "./values.js";

/** Longest name from a file that is repeated in an error. */
const MAX_QUOTED = 120;

/** A text from the file for an error message: quoted, control characters escaped, cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}

/** What a value is, in few words, for an error message. */
export function describe(value: PickleValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "None";
  if (typeof value === "string") return `the text ${quote(value)}`;
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `a sequence of ${value.length}`;
  if (value instanceof Map) return `a dict of ${value.size}`;
  return value.kind === "global" ? value.name : `a ${value.kind}`;
}

/** A file that breaks its format. */
export function damaged(fault: string): PickleError {
  return new PickleError(fault, "Download the file again, or save the state dict again with torch.save.");
}

/** A file that asks for more than tensors: `fault` says for what. Nothing of it has been done. */
export function refused(fault: string): PickleError {
  return new PickleError(
    fault,
    "Use this model's safetensors files, or load the file in a sandbox with torch.load and save its state " +
      "dict with safetensors.torch.save_file.",
  );
}

/** A name that is not on the allow-list. */
export function refusedName(module: string, name: string): PickleError {
  const fullName = quote(`${module}.${name}`).slice(1, -1);
  return refused(
    `asks to run code: its pickle names ${fullName}, which a state dict has no need of; nothing was run`,
  );
}
