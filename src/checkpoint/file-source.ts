/**
 * Where a model's files come from: a folder, or a repository on the Hub. Both look the same from here;
 * bytes of weights are only moved when asked for.
 */
export interface FileSource {
  /** What the user named: a Hub id (`org/name`) or the folder's own name. Never an absolute path. */
  readonly name: string;
  /** Where the files are, for error messages and for finding them again. */
  readonly origin: FolderOrigin | HubOrigin;
  /**
   * Every file below the model's root, by its POSIX path (`1_Pooling/config.json`), with its size in bytes. A link to a
   * folder that is not looked into stands there with a slash at its end.
   */
  readonly files: ReadonlyMap<string, FileInfo>;
  /** Of a sentence-transformers model: the folder of the transformer's files, which stand at the top here. */
  readonly transformerFolder?: string;
  /** Files that read differently here than they lie there. */
  readonly rewritten?: ReadonlyMap<string, Buffer>;
  /** Of the JSON files that were read so far those that not every reader would have taken. */
  readonly mended?: ReadonlyMap<string, Mended>;
  /** Holds the files that were read against what they were, where somebody asks for that. */
  readonly watch?: Watch;
  /**
   * Reads the bytes `[start, end)` of a file without fetching the rest of it.
   * @throws CheckpointError if the file is missing or ends before `end`.
   */
  readRange(path: string, start: number, end: number): Promise<Buffer>;
  /** Reads a whole small file (config, tokenizer). @throws CheckpointError if it is missing. */
  read(path: string): Promise<Buffer>;
  /** Makes a file available on this machine, downloading it if need be, and returns its local path. */
  localPath(path: string, options?: TransferOptions): Promise<string>;
}

/** Holds the files of a source that were read against what they were when it was opened. */
export interface Watch {
  /**
   * Notes from now on the content of every file that is read, and of those that were: then neither dates that were set
   * back nor links that somebody makes and removes leave a doubt. It takes as long as reading them does.
   */
  noteContents(signal?: AbortSignal): Promise<void>;
  /** @throws CheckpointError that names the file which is no longer the one that was read */
  requireUnchanged(signal?: AbortSignal): Promise<void>;
}

/** A JSON file as standard JSON, where not every reader could have read it as it is. */
export interface Mended {
  readonly content: Buffer;
  /** What was put right, a sentence each. */
  readonly notes: readonly string[];
  /** Whether a length in it has no limit, which readers of JSON alone want as a number. */
  readonly leavesLengthOpen: boolean;
}

export interface FileInfo {
  /** Bytes. */
  readonly size: number;
  /** Why it is never opened, a predicate: it "is a link to …, outside of the folder". */
  readonly refused?: string;
}

export interface FolderOrigin {
  readonly kind: "folder";
  /** Absolute path. */
  readonly path: string;
}

export interface HubOrigin {
  readonly kind: "hub";
  /** `org/name`. */
  readonly repo: string;
  /** The commit's 40 hex digits: what a branch or tag pointed to when it was opened. */
  readonly revision: string;
}

export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of the file that are here so far, resumed ones included, and its size. */
  readonly onProgress?: ((received: number, total: number) => void) | undefined;
}
