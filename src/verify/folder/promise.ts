import { EARLIER_MODELING } from "../../architectures/earlier-modeling.js";
import { longformerRow, readLongformer } from "../../attention/longformer.js";
import { keptGlobalRows, lsgRow, readLsgConfig } from "../../attention/lsg.js";
import type { LsgConfig } from "../../attention/lsg-config.js";
import type { LocalAttention } from "../../attention/variants.js";
import { packageInfo } from "../../base/package.js";
import { resultClass } from "../../model/classes.js";
import type { Model } from "../../model/model.js";
import type { ConversionRecord } from "../../plan/types.js";
import { counted } from "../../report/words.js";
import { judge, type Outcome } from "../attempt.js";
import { promiseWords } from "../report/wording.js";
import { describeDifference, jsonDifferences } from "./json-differences.js";
import { TRAINED_IN_PLACE } from "./trained-in-place.js";

/** Looks whether config.json is one of which the record can promise what it does; it needs no original. */
export function checkPromise(record: ConversionRecord, model: Model, attention: LocalAttention): Outcome {
  const { config, architecture } = model;
  const asked =
    attention.kind === "lsg" ? askedOfLsg(record, attention.config) : askedOfLongformer(record, model);
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

/** Each version has its own files and keys: of one that is not known nobody can say what a folder should hold. */
function versionFindings({ lsg_version: found, format_version: format }: ConversionRecord): string[] {
  const known = [packageInfo().version, ...EARLIER_MODELING.keys()];
  // Without hashes of the source less is proven: a record of today is not to pass for one that never had them.
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

/** Without pooling nothing would stand in the place of a token that is hidden: the flag is overruled then. */
function askedOfLsg({ options }: ConversionRecord, lsg: LsgConfig): Readonly<Record<string, unknown>> {
  return { ...options.lsg, ...(lsg.mask_first_token && { pool_with_global: true }) };
}

function askedOfLongformer(
  { options }: ConversionRecord,
  { sizes }: Model,
): Readonly<Record<string, unknown>> {
  const { attention_window: window } = options;
  if (!Array.isArray(window)) return {};
  return {
    attention_window: window.length === 1 ? new Array<unknown>(sizes.layers).fill(window[0]) : window,
  };
}

/** What can be promised of attention; where lsg 0.1.0 did not record the source's own, one of several. */
function losslessLengths(
  {
    lsg_version: version = "",
    options,
    max_sequence_length: length,
    source_attention: own,
  }: ConversionRecord,
  { config, architecture, sizes }: Model,
  attention: LocalAttention,
): number[] {
  // Of a table that was cut the result reads no more than is left.
  const shared = Math.min(length.from, length.to);
  const isEarlier = EARLIER_MODELING.has(version);
  if (attention.kind === "longformer") {
    const source = own && readLongformer(own, sizes);
    const upTo = longformerRow.losslessLength(attention.config, shared, source);
    return isEarlier ? [upTo, shared] : [upTo];
  }
  const keptRows = keptGlobalRows(options.resize_lsg === true, options.keep_first_global_token === true);
  const source = own && readLsgConfig({ ...config, ...own }, architecture);
  const upTo = lsgRow.losslessLength(attention.config, shared, source, keptRows);
  return isEarlier && keptRows !== "none" ? [upTo, shared, 0] : [upTo];
}
