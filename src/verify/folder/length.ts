import { type Architecture, stacksOf } from "../../architectures/architecture.js";
import { outgrowsTable } from "../../attention/variants.js";
import type { FileSource } from "../../checkpoint/file-source.js";
import { lengthChange, raisedLengths } from "../../model/config.js";
import type { Model } from "../../model/model.js";
import { statedPositions } from "../../model/positions.js";
import { counted } from "../../report/numbers.js";
import { type Lengths, limitsLength, raiseLength } from "../../tokenizer/raise-length.js";
import { judge, type Outcome } from "../check.js";

/**
 * Checks that all limits of the inputs' length agree.
 * @param promised undefined where nothing is: config.json then says how long inputs may be, and a tokenizer that cuts
 *   them earlier may have been told so in a training
 */
export async function checkLength(
  source: FileSource,
  model: Model,
  promised: Lengths | undefined,
): Promise<Outcome> {
  const { maxLength: own, offset } = model.positions();
  const { architecture, config } = model;
  const lengths = promised ?? lengthChange(architecture, own, own);
  // Windows leave the table as it was: nothing but a promise says how long inputs may be.
  const outgrows = outgrowsTable(model.attention());
  const positions = outgrows ? lengths.from : lengths.to;
  const rows = positions + offset;
  const findings: string[] = [];
  const stacks = lengths.writesNoMore ? [architecture.encoder] : stacksOf(architecture);
  const configured = statedPositions(architecture, positions, offset);
  const key = lengthKey(architecture);
  if (config[key] !== configured) {
    findings.push(`config.json: ${key} is ${JSON.stringify(config[key])}, expected ${configured}`);
  }
  for (const [raised, to] of raisedLengths(architecture, config, lengths)) {
    if (config[raised] !== to)
      findings.push(`config.json: ${raised} is ${JSON.stringify(config[raised])}, expected ${to}`);
  }
  for (const { embeddings } of stacks) {
    const name = `${embeddings.position}.weight`;
    const table = [...model.tensors.values()].find(({ baseName }) => baseName === name);
    if (table?.stored.shape[0] !== rows) {
      findings.push(
        `${table?.stored.file ?? "weights"}: ${table?.name ?? name} has ${table?.stored.shape[0] ?? 0} rows, expected ${rows}`,
      );
    }
  }
  const limiting = outgrows && !promised ? [] : [...source.files.keys()].filter(limitsLength);
  const cuts: string[] = [];
  for (const path of limiting) {
    for (const { key, from, to } of raiseLength(path, await source.read(path), lengths).edits) {
      cuts.push(`${path}: ${key} is ${JSON.stringify(from) ?? "missing"}, expected ${JSON.stringify(to)}`);
    }
  }
  if (!promised && findings.length === 0 && cuts.length > 0) {
    const detail = `config.json and weights say ${positions} tokens, ${counted(cuts.length, "place")} in other files less`;
    return { verdict: "stated", detail, findings: cuts };
  }
  findings.push(...cuts);
  const tables = `position ${stacks.length > 1 ? "tables" : "table"}`;
  const others = counted(limiting.length, "other file");
  return judge(
    findings,
    outgrows
      ? `${positions} tokens in config.json and ${tables}, whose windows read any number; ${lengths.to} in ${others}`
      : `${positions} tokens in config.json, ${tables} and ${others}`,
    `not ${lengths.to} tokens in ${counted(findings.length, "place")}: longer inputs would be cut or refused`,
    "Convert the original again, or correct the files that are named.",
  );
}

/** Where a config states how many positions there are. */
function lengthKey({ config: { positions } }: Architecture): string {
  return typeof positions === "number" ? "max_position_embeddings" : positions[0];
}
