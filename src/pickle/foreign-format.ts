import { PickleError } from "../base/errors.js";

/** Other files that are found under a PyTorch file's name, by their first bytes. */
const FORMATS: readonly { begins: readonly string[]; is: string; remedy: string }[] = [
  {
    begins: ["GGUF", "lmgg", "fmgg", "tjgg", "algg"],
    is: "is a file of llama.cpp or ggml",
    remedy:
      "Convert the checkpoint that it was made from; lsg makes graphs of 8 and 4 bits of it (--onnx q8,q4).",
  },
  {
    begins: ["\x89HDF"],
    is: "is an HDF5 file, of Keras",
    remedy:
      "Call it tf_model.h5, open the folder in transformers 4 (from_tf=True) and save it with save_pretrained.",
  },
  {
    begins: ["\x1f\x8b"],
    is: "is compressed with gzip",
    remedy: "Unpack it in a copy of the folder, and call the result as this file is called.",
  },
  {
    begins: ["<!", "<html", "<HTML", "<?xml"],
    is: "is a web page, not the file itself",
    remedy: "Download the file again: a server has sent a page in its place.",
  },
];

/** The error for a file that torch.load does not open either. @param head its first bytes */
export function foreign(head: Buffer): PickleError {
  const text = head.toString("latin1").trimStart();
  const known = FORMATS.find(({ begins }) => begins.some((bytes) => text.startsWith(bytes)));
  if (known) return new PickleError(known.is, known.remedy);
  return new PickleError(
    `is no file that torch.save wrote: its first bytes are ${head.subarray(0, 4).toString("hex")}`,
    "Download the file again, or save the state dict again with torch.save.",
  );
}
