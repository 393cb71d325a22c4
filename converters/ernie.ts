import { defineArchitecture } from "../src/architectures/architecture.js";
import bert from "./bert.js";

const { LMHeadModel, ...heads } = bert.heads;

export default defineArchitecture({
  modelType: "ernie",
  title: "ERNIE",
  classPrefix: "Ernie",
  basePrefix: "ernie",
  config: bert.config,
  positions: bert.positions,
  encoder: {
    ...bert.encoder,
    embeddings: {
      ...bert.encoder.embeddings,
      types: {
        kind: "input and task",
        table: "embeddings.token_type_embeddings",
        task: {
          table: "embeddings.task_type_embeddings",
          rows: ["task_type_vocab_size", 3],
          where: "use_task_id",
        },
      },
    },
  },
  pooler: bert.pooler,
  heads: { ...heads, ForCausalLM: LMHeadModel },
  tokenizerClass: "BertTokenizer",
  longformer: { modelType: "longformer" },
});
