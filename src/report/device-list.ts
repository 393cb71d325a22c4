import { printable } from "../base/printable.js";
import type { DeviceFinding } from "../runtime/devices.js";

/** Every device on a line, with what absent ones lack and what to do about it below. */
export function deviceLines(devices: readonly DeviceFinding[]): string {
  const width = Math.max(...devices.map(({ name }) => name.length));
  return devices
    .flatMap(({ name, available, software, detail, remedy }) => {
      const state = available ? (software ? "software" : "ready") : "absent";
      const line = `${name.padEnd(width)}  ${state.padEnd("software".length)}  ${detail}`;
      return !available && remedy ? [line, `${" ".repeat(width + 2)}To do: ${remedy}`] : [line];
    })
    .map((line) => `${printable(line)}\n`)
    .join("");
}
