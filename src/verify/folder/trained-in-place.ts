import { RECORD_FILE } from "../../plan/conversion-record.js";
import { NO_ORIGINAL } from "../verdict.js";

/** What to do about a folder into which a training wrote, where the record of the conversion stayed. */
export const TRAINED_IN_PLACE =
  `If it was trained since, ${RECORD_FILE} speaks of the model before: remove that file, and --against ${NO_ORIGINAL} asks ` +
  "for no comparison.";
