import { writeFile } from "node:fs/promises";
import { OptionError, OutputError } from "../base/errors.js";
import { drawPicture } from "./picture.js";
import type { Inspection } from "./types.js";

/**
 * Writes the attention pattern.
 * @param path ends in `.svg` or `.png`
 * @throws OptionError where there is no pattern, OutputError where the file cannot be written
 */
export async function writePicture(path: string, { drawn, model }: Inspection): Promise<void> {
  if (!drawn) {
    throw new OptionError(
      `--picture ${path}: ${model} has full attention, and no conversion that would have another`,
      "Leave the flag out.",
    );
  }
  const picture = drawPicture(path, drawn);
  await writeFile(path, picture).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OutputError(`${path} cannot be written: ${reason}`, "Name a file in a folder that is there.", {
      cause: error,
    });
  });
}
