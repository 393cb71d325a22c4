import { EARLIER_MODELING } from "../../architectures/earlier-modeling.js";
import { keptGlobalRows } from "../../attention/lsg.js";
import { type LocalAttention, losslessLength, readAs } from "../../attention/variants.js";
import { packageInfo } from "../../base/package.js";
import { resultClass } from "../../model/classes.js";
import type { Model } from "../../model/model.js";
import type { ConversionRecord } from "../../plan/types.js";
import { counted } from "../../report/numbers.js";
import { proofOf } from "../attention/variants.js";
import { judge, type Outcome } from "../check.js";
import { promiseWords } from "../report/wording.js";
import { describeDifference, jsonDifferences } from "./json-differences.js";
import { TRAINED_IN_PLACE } from "./trained-in-place.js";

/** Checks that the record's promise is possible with this config.json; it needs no original. */
export function checkPromise(record: ConversionRecord, model: Model, attention: LocalAttention): Outcome {
  const { config, architecture } = model;
  const asked = proofOf(attention).askedOf(record, model);
  const found = {
    model_type: config.model_type,
    architectures: config.architectures,
    ...Object.fromEntries(Object.keys(asked).map((key) => [key, config[key]])),
  };
  const recorded = {
    model_type: record.model_type,
    architectures: [resultClass(attention.kind, record.architecture, architecture)],
    ...asked,
  };
  const findings = jsonDifferences(recorded, found).map(
    (difference) => `config.json: ${describeDifference(difference)} by lsg_conversion.json`,
  );
  const { lossless_up_to: lossless, hidden_states_up_to: hidden, why } = record.promise;
  const possible = losslessLengths(record, model, attention);
  // Less may be promised, where the record says why; more never.
  const isPossible = possible.includes(hidden) || (why !== undefined && hidden < Math.max(...possible));
  if (!isPossible || lossless > hidden || (lossless < hidden && (lossless > 0 || why === undefined))) {
    findings.push(
      `lsg_conversion.json: promise.lossless_up_to is ${lossless}${lossless === hidden ? "" : `, hidden_states_up_to ${hidden}`}, ` +
        `but with this config.json it is ${possible.join(" or ")}`,
    );
  }
  findings.push(...versionFindings(record));
  return judge(
    findings,
    `config.json holds what is promised: ${promiseWords(record.promise)}`,
    `${counted(findings.length, "contradiction")} between the two`,
    `Convert the original again. ${TRAINED_IN_PLACE}`,
  );
}

/** Each version has its own files and keys: what a folder of an unknown one should hold cannot be said. */
function versionFindings({ lsg_version: found, format_version: format }: ConversionRecord): string[] {
  const known = [packageInfo().version, ...EARLIER_MODELING.keys()];
  // Without hashes of the source less is proven: a record of today must not pass for one of format 1.
  if (format === 1 && found === packageInfo().version) {
    return [`lsg_conversion.json: format_version is 1, expected 2: lsg ${found} writes no other`];
  }
  if (found !== undefined && known.includes(found)) return [];
  const versions = known.map((version) => JSON.stringify(version)).join(" or ");
  return [
    `lsg_conversion.json: lsg_version is ${JSON.stringify(found) ?? "missing"}, expected ${versions}: what another version of lsg ` +
      "wrote is verified by that version",
  ];
}

/** What can be promised of attention; where lsg 0.1.0 did not record the source's own, one of several. */
function losslessLengths(
  {
    lsg_version: version = "",
    options,
    max_sequence_length: length,
    source_attention: own,
  }: ConversionRecord,
  { architecture, sizes }: Model,
  attention: LocalAttention,
): number[] {
  // A cut table has the result's positions alone.
  const shared = Math.min(length.from, length.to);
  const keptRows = keptGlobalRows(options.resize_lsg === true, options.keep_first_global_token === true);
  const source = own && readAs(attention.kind, { config: own, architecture, sizes }).config;
  const upTo = losslessLength(attention, shared, source, keptRows);
  const others = EARLIER_MODELING.has(version) ? proofOf(attention).unrecordedLengths(shared, keptRows) : [];
  return [upTo, ...others];
}
