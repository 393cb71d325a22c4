/**
 * Runs a Transformers.js pipeline over texts, in Node and in a browser alike.
 * @param {{task: string, texts: string[], options: object}} job
 * @yields {[name: string, content: Float32Array | string]} a file's name and content: hidden states, or JSON
 */
export async function* results({ pipeline }, { task, texts, options }, model) {
  const run = await pipeline(task, model, options);
  for (const [i, text] of texts.entries()) {
    const output = await run(text);
    yield task === "feature-extraction" ? [`${i}.f32`, output.data] : [`${i}.json`, JSON.stringify(output)];
  }
}
