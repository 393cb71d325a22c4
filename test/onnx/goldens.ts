import { readFileSync } from "node:fs";

/** Tensors of a safetensors file of ours: F32 and I64, as numbers. */
export function readGoldens(url: URL): (name: string) => { shape: number[]; values: number[] } {
  const file = readFileSync(url);
  const headerEnd = 8 + Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, headerEnd).toString());
  return (name) => {
    const { dtype, shape, data_offsets } = header[name];
    const [start, end] = data_offsets.map((offset: number) => headerEnd + offset);
    const bytes = new Uint8Array(file.subarray(start, end)).buffer;
    const values = dtype === "I64" ? [...new BigInt64Array(bytes)].map(Number) : [...new Float32Array(bytes)];
    return { shape, values };
  };
}
