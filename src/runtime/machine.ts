import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What of a machine decides which devices it has. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  exists(path: string): boolean;
  /** Names in a folder; none where there is no such folder. */
  names(folder: string): string[];
  /** Whether the system's loader finds a shared library. */
  loads(library: string): boolean;
  /** Where onnxruntime-node keeps its libraries. */
  readonly runtimeFolder: string;
}

export function thisMachine(): Machine {
  const { platform, arch, env: environment } = process;
  const bin = join(dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json")), "bin");
  // Below `bin` lies one folder, named after the version of Node-API.
  const runtimeFolder = join(bin, namesIn(bin)[0] ?? "", platform, arch);
  return { platform, environment, exists: existsSync, names: namesIn, loads, runtimeFolder };
}

/** The models of NVIDIA's GPUs, as its driver for Linux gives them; none where it does not. */
export function nvidiaModels(): string[] {
  const folder = "/proc/driver/nvidia/gpus";
  return namesIn(folder).flatMap((gpu) => {
    const model = /^Model:\s*(.+)$/m.exec(readFileSync(join(folder, gpu, "information"), "utf8"));
    return model?.[1] ?? [];
  });
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Node's own loader takes add-ons only, so it always throws, but says which of the two went wrong. */
function loads(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library);
    return true;
  } catch (error) {
    return error instanceof Error && error.message.includes("did not self-register");
  }
}
