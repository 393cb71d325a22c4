import { basename } from "node:path";
import { isLocal, titleOf } from "../attention/variants.js";
import { OptionError } from "../base/errors.js";
import { type GraphDtype, isSmall } from "../base/graph-dtypes.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { overlap } from "../checkpoint/nested.js";
import { type OpenSourceOptions, openSource } from "../checkpoint/open-source.js";
import type { Model } from "../model/model.js";
import { openModel } from "../model/open.js";
import { STRATEGIES, type Strategy } from "../options/evaluation.js";
import { readRecord } from "../plan/conversion-record.js";
import { findOriginal } from "../plan/find-original.js";
import { reach } from "../predict/reach.js";

/** A model and how it reads: one column of the comparison. */
export interface System {
  /** One word or two, unique in a run. */
  readonly name: string;
  /** As `openPredictor` takes it. */
  readonly model: string;
  readonly source: FileSource;
  readonly opened: Model;
  /** Of a model that reads whole documents: what it does to still longer ones. */
  readonly reading: Strategy;
  /** Whether it is a source, read in parts, or a converted model. */
  readonly isSource: boolean;
  readonly variant: string;
  readonly dtype: GraphDtype;
  /** Tokens that it reads at once. */
  readonly maxLength: number;
}

export interface SystemsOptions {
  /** `original`, a folder or a Hub model. */
  readonly against?: string | undefined;
  readonly strategies: readonly Strategy[];
  readonly dtypes: readonly GraphDtype[];
}

interface Named {
  readonly name: string;
  readonly source: FileSource;
  readonly model: Model;
}

/**
 * What is compared: each source in each way to read it, then each converted model in each dtype.
 * @throws OptionError where a converted model's original is asked for and not there, or two arguments are one model
 */
export async function findSystems(
  names: readonly string[],
  { against, strategies, dtypes }: SystemsOptions,
  opening: OpenSourceOptions,
): Promise<System[]> {
  const models: Named[] = [];
  const add = async (name: string, source: FileSource) => {
    for (const other of models) {
      if (await isSame(other.source, source)) return;
    }
    models.push({ name, source, model: await modelIn(source, opening) });
  };
  for (const name of names) await add(name, await openSource(name, opening));
  if (against === "original") {
    for (const { source } of models.filter(isConverted)) {
      const found = await originalOf(source, opening);
      await add(nameOf(found), found);
    }
  } else if (against !== undefined) await add(against, await openSource(against, opening));
  const sources = models.filter((one) => !isConverted(one));
  const converted = models.filter(isConverted);
  const systems = [
    ...sources.flatMap((one) =>
      strategies.map((reading) => ({ ...systemOf(one), reading, name: reading as string })),
    ),
    ...converted.flatMap((one) =>
      dtypes.map((dtype) => ({ ...systemOf(one), dtype, name: shortName(one, dtype) })),
    ),
  ];
  return withUniqueNames(systems);
}

/** Names that several have are told apart by the model's. */
function withUniqueNames(systems: readonly System[]): System[] {
  const times = (name: string) => systems.filter((other) => other.name === name).length;
  return systems.map((system) =>
    times(system.name) === 1 ? system : { ...system, name: `${basename(system.model)} ${system.name}` },
  );
}

/** `lsg`, `lsg q8`; of windows, which are a way to read a source too, `converted windows`. */
function shortName({ model }: Named, dtype: GraphDtype): string {
  const title = titleOf(model.attention()).toLowerCase();
  const own = (STRATEGIES as readonly string[]).includes(title) ? `converted ${title}` : title;
  return isSmall(dtype) ? `${own} ${dtype}` : own;
}

function systemOf(named: Named): Omit<System, "name"> {
  const { name, source, model } = named;
  return {
    ...{ model: name, source, opened: model, reading: "cut", dtype: "fp32", isSource: !isConverted(named) },
    variant: model.attention().kind,
    maxLength: reach(model),
  };
}

function isConverted({ model }: Named): boolean {
  return isLocal(model.attention());
}

async function modelIn(source: FileSource, { signal }: OpenSourceOptions): Promise<Model> {
  return (await openModel(source, { transfer: { signal } }).read()).model();
}

async function originalOf(source: FileSource, opening: OpenSourceOptions): Promise<FileSource> {
  const found = await findOriginal(source, await readRecord(source), opening);
  if ("original" in found) return found.original.source;
  throw new OptionError(`--against original: ${found.reason}`, "Name it: --against FOLDER, or a Hub model.");
}

/** What opens a source again. */
function nameOf({ origin }: FileSource): string {
  return origin.kind === "folder" ? origin.path : `hf://${origin.repo}@${origin.revision}`;
}

async function isSame(one: FileSource, other: FileSource): Promise<boolean> {
  if (one.origin.kind === "folder" && other.origin.kind === "folder") {
    return one.origin.path === other.origin.path;
  }
  return nameOf(one) === nameOf(other) || overlap(one, other);
}
