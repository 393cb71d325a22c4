import type { Architecture } from "../architectures/architecture.js";
import type { ModelingCode } from "../architectures/modeling.js";
import type { LocalVariant } from "../attention/variants.js";
import type { ModelKind } from "../checkpoint/sentence-transformers/model-kind.js";
import type { Contents, Model } from "../model/model.js";
import type { Modules } from "../model/modules.js";
import type { ConversionOptions } from "../options/options.js";
import type { TokenIds } from "./place.js";
import type { Provenance } from "./types.js";

export interface PlanInputs {
  /** The source as its own class, with `--model-kwargs`. */
  readonly model: Model;
  readonly options: ConversionOptions;
  readonly tokens: TokenIds;
  readonly contents: Contents;
  /** What opens the model, where that is not transformers alone. */
  readonly kind: ModelKind | undefined;
  /** What follows the transformer of an embedder or a ColBERT, where it decides something. */
  readonly modules?: Modules | undefined;
  /** What the version of lsg that the record names puts beside the weights; undefined where transformers needs none. */
  readonly modeling: ModelingCode | undefined;
  readonly variant: LocalVariant;
  /** The result's architecture: the source's own, or that of another model type. */
  readonly result: Architecture;
  /** What the record says of lsg and of the source: a Hub id with its revision, or a relative path. */
  readonly provenance: Provenance;
}
