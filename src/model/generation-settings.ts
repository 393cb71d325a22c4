import { type Config, parseObject } from "../checkpoint/checkpoint.js";

const SETTINGS_FILE = "generation_config.json";

/** How a model's generate() begins and ends. */
export interface GenerationSettings {
  readonly start: number;
  readonly forcedBos: number | undefined;
  readonly forcedEos: number | undefined;
  readonly ends: readonly number[];
}

/**
 * The settings as generate() of transformers finds them: in generation_config.json alone where that is there, else in
 * config.json.
 * @param contents of side files, by path
 * @returns undefined where neither says what to begin with
 * @throws CheckpointError if the file is not a JSON object
 */
export function readGenerationSettings(
  config: Config,
  contents: ReadonlyMap<string, Buffer>,
): GenerationSettings | undefined {
  const own = contents.get(SETTINGS_FILE);
  const settings = own ? parseObject(own, SETTINGS_FILE) : config;
  const ids = (key: string) => [settings[key]].flat().filter((id): id is number => Number.isSafeInteger(id));
  const start = ids("decoder_start_token_id")[0] ?? ids("bos_token_id")[0];
  if (start === undefined) return undefined;
  return {
    start,
    forcedBos: ids("forced_bos_token_id")[0],
    forcedEos: ids("forced_eos_token_id")[0],
    ends: ids("eos_token_id"),
  };
}
