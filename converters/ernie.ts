import { defineArchitecture } from "../src/architectures/architecture.js";
import bert from "./bert.js";

const { LMHeadModel, ...heads } = bert.heads;

export default defineArchitecture({
  ...bert,
  modelType: "ernie",
  title: "ERNIE",
  classPrefix: "Ernie",
  basePrefix: "ernie",
  encoder: {
    ...bert.encoder,
    embeddings: {
      ...bert.encoder.embeddings,
      taskType: {
        name: "embeddings.task_type_embeddings",
        where: "use_task_id",
        rows: ["task_type_vocab_size", 3],
      },
    },
  },
  heads: { ...heads, ForCausalLM: LMHeadModel! },
});
