import type { Architecture } from "../architectures/architecture.js";
import type { ModelingCode } from "../architectures/modeling.js";
import type { Contents, Model } from "../model/model.js";
import type { ConversionOptions } from "../options/options.js";
import type { TokenIds } from "./place.js";
import type { Provenance } from "./types.js";

/** What a plan is made of. */
export interface PlanInputs {
  /** The source with `--model-kwargs`, as the class that is wanted of its model type. */
  readonly model: Model;
  readonly options: ConversionOptions;
  readonly tokens: TokenIds;
  readonly contents: Contents;
  /** What the version of lsg that the record names puts beside the weights; undefined for Longformer. */
  readonly modeling: ModelingCode | undefined;
  /** The architecture of the Longformer variant, to write that one; undefined for LSG. */
  readonly longformer: Architecture | undefined;
  /** What the record says of lsg and of the source: a Hub id with its revision, or a relative path. */
  readonly provenance: Provenance;
}
