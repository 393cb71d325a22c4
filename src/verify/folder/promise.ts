import { openedClass } from "../../plan/classes.js";
import type { Model } from "../../plan/model.js";
import type { ConversionRecord } from "../../plan/types.js";
import { losslessLength } from "../../variants/lsg.js";
import { LSG_CLASS_PREFIX, type LsgConfig } from "../../variants/lsg-config.js";
import { judge, type Outcome } from "../attempt.js";
import { counted } from "../words.js";
import { describeDifference, jsonDifferences } from "./json-differences.js";

/** Looks whether config.json is one of which the record can promise what it does; it needs no original. */
export function checkPromise(
  record: ConversionRecord,
  { config, architecture }: Model,
  lsg: LsgConfig,
): Outcome {
  // Without pooling nothing would stand in the place of a token that is hidden: the flag is overruled then.
  const overruled = lsg.mask_first_token ? { pool_with_global: true } : {};
  const asked = { ...record.options.lsg, ...overruled };
  const found = {
    model_type: config.model_type,
    architectures: config.architectures,
    ...Object.fromEntries(Object.keys(asked).map((key) => [key, lsg[key as keyof LsgConfig]])),
  };
  const recorded = {
    model_type: record.model_type,
    architectures: [LSG_CLASS_PREFIX + openedClass(record.architecture, architecture)],
    ...asked,
  };
  const findings = jsonDifferences(recorded, found).map(
    (difference) => `config.json: ${describeDifference(difference)} by lsg_conversion.json`,
  );
  const { lossless_up_to: promised } = record.promise;
  const possible = losslessLengths(record, lsg);
  if (!possible.includes(promised)) {
    findings.push(
      `lsg_conversion.json: promise.lossless_up_to is ${promised}, but with this config.json it is ${possible.join(" or ")}`,
    );
  }
  return judge(
    findings,
    `config.json holds what is promised: lossless up to ${counted(promised, "token")}`,
    `${counted(findings.length, "contradiction")} between the two`,
    "Convert the original again.",
  );
}

/** What can be promised: with `--resize-lsg` it depends on the attention of the source, which no record has. */
function losslessLengths(
  { options, max_sequence_length: { from } }: ConversionRecord,
  lsg: LsgConfig,
): number[] {
  const own = losslessLength(lsg, from, undefined);
  return options.resize_lsg === true ? [...new Set([own, from, 0])] : [own];
}
