/**
 * What Transformers.js makes of a job, in Node and in a browser alike.
 * @yields {[name: string, content: Float32Array | string]} a file's name and content
 */
export function results(transformers, job, model) {
  return job.task === "generate"
    ? generatedIds(transformers, job, model)
    : pipelineResults(transformers, job, model);
}

/**
 * A pipeline over texts.
 * @param {{task: string, texts: string[], options: object, generate?: object}} job
 * @yields hidden states, or JSON
 */
async function* pipelineResults({ pipeline }, { task, texts, options, generate }, model) {
  const run = await pipeline(task, model, options);
  for (const [i, text] of texts.entries()) {
    const output = await run(text, generate);
    yield task === "feature-extraction" ? [`${i}.f32`, output.data] : [`${i}.json`, JSON.stringify(output)];
  }
}

/**
 * generate() of an encoder-decoder, over batches of token ids.
 * @param {{batches: Record<string, number[][]>[], options: object, generate: object}} job
 * @yields token ids as JSON, a row for each of a batch
 */
async function* generatedIds({ AutoModelForSeq2SeqLM, Tensor }, { batches, options, generate }, name) {
  const model = await AutoModelForSeq2SeqLM.from_pretrained(name, options);
  const tensor = (rows) =>
    new Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0].length]);
  for (const [i, batch] of batches.entries()) {
    const inputs = Object.fromEntries(Object.entries(batch).map(([key, rows]) => [key, tensor(rows)]));
    const ids = await model.generate({ ...inputs, ...generate });
    yield [`${i}.json`, JSON.stringify(ids.tolist().map((row) => row.map(Number)))];
  }
}
