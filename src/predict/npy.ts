import { open, rename, rm } from "node:fs/promises";

/** Bytes of the header, which numpy wants to be a multiple of 64: there is room in it for any number of rows. */
const HEADER_BYTES = 128;

const MAGIC = Buffer.from("\x93NUMPY\x01\x00", "latin1");

/** A matrix that is written row by row, as `numpy.load` reads it. */
export interface NpyWriter {
  /** @throws Error for a row of another width than the first */
  add(row: Float32Array): Promise<void>;
  /** Puts the file in its place. */
  finish(): Promise<void>;
  /** Leaves nothing behind. May follow `finish`. */
  discard(): Promise<void>;
}

/**
 * Begins a file of float32 (rows, width), of any number of rows.
 * @param path where it will stand once it is whole
 * @throws Error of the system
 */
export async function openNpy(path: string): Promise<NpyWriter> {
  const partial = `${path}.partial-${process.pid}`;
  const handle = await open(partial, "wx");
  await handle.write(Buffer.alloc(HEADER_BYTES));
  let rows = 0;
  let width = 0;
  let isOpen = true;
  const close = async () => {
    if (isOpen) await handle.close();
    isOpen = false;
  };
  return {
    async add(row) {
      width ||= row.length;
      if (row.length !== width) throw new Error(`a row of ${row.length} numbers among rows of ${width}`);
      rows += 1;
      const bytes = Buffer.alloc(row.length * Float32Array.BYTES_PER_ELEMENT);
      row.forEach((value, i) => {
        bytes.writeFloatLE(value, i * Float32Array.BYTES_PER_ELEMENT);
      });
      await handle.write(bytes);
    },
    async finish() {
      await handle.write(npyHeader(rows, width), 0, HEADER_BYTES, 0);
      await close();
      await rename(partial, path);
    },
    async discard() {
      await close();
      await rm(partial, { force: true });
    },
  };
}

/** numpy's format 1.0: magic, length, a Python dict, spaces, a line end. */
function npyHeader(rows: number, width: number): Buffer {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${width}), }`;
  const length = HEADER_BYTES - MAGIC.length - 2;
  const header = Buffer.alloc(HEADER_BYTES, " ");
  MAGIC.copy(header);
  header.writeUInt16LE(length, MAGIC.length);
  header.write(text, MAGIC.length + 2, "latin1");
  header.write("\n", HEADER_BYTES - 1);
  return header;
}
