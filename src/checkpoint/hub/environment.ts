import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { HubError } from "../../base/errors.js";
import { withoutEnding } from "../../base/trim.js";

/** What the environment says about the Hub, read as Python's `huggingface_hub` reads it. */
export interface HubEnvironment {
  /** URL without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** Folder of `models--org--name`. */
  readonly cache: string;
  /** Use the cache only. */
  readonly offline: boolean;
}

/** Variables that hold an access token, in the order in which they count. */
const TOKEN_VARIABLES = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] as const;

type Variables = Readonly<Record<string, string | undefined>>;

/** @throws HubError if HF_ENDPOINT is not a web address or the token cannot be one. */
export async function readHubEnvironment(variables: Variables = process.env): Promise<HubEnvironment> {
  const path = (name: string) => expandPath(variables[name], variables);
  const home = hubHome(variables);
  return {
    endpoint: readEndpoint(variables.HF_ENDPOINT || "https://huggingface.co"),
    token: isTrue(variables.HF_HUB_DISABLE_IMPLICIT_TOKEN)
      ? undefined
      : await readToken(variables, tokenFile(variables)),
    cache: path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") ?? join(home, "hub"),
    offline: isTrue(variables.HF_HUB_OFFLINE || variables.TRANSFORMERS_OFFLINE),
  };
}

/** Every access token that this machine has, whichever of them is taken. */
export async function knownTokens(variables: Variables = process.env): Promise<string[]> {
  const files = [tokenFile(variables), join(hubHome(variables), "stored_tokens")];
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  const stored = texts[1]?.matchAll(/^[ \t]*hf_token[ \t]*=[ \t]*(\S+)/gm) ?? [];
  const given = TOKEN_VARIABLES.map((name) => variables[name]?.trim() ?? "");
  return [...given, texts[0]?.trim() ?? "", ...[...stored].map(([, token = ""]) => token)].filter(Boolean);
}

function hubHome(variables: Variables): string {
  const path = (name: string) => expandPath(variables[name], variables);
  return (
    path("HF_HOME") ?? join(path("XDG_CACHE_HOME") ?? join(homeFolder(variables), ".cache"), "huggingface")
  );
}

function tokenFile(variables: Variables): string {
  return expandPath(variables.HF_TOKEN_PATH, variables) ?? join(hubHome(variables), "token");
}

function isTrue(value: string | undefined): boolean {
  return /^(?:1|true|yes|on)$/i.test(value ?? "");
}

function homeFolder(variables: Variables): string {
  return variables.HOME || homedir();
}

/** Expands `~`, `$NAME` and `${NAME}`, which a shell has left alone in a service's or container's file. */
function expandPath(value: string | undefined, variables: Variables): string | undefined {
  return value
    ? value
        .replace(/^~(?=$|[/\\])/, () => homeFolder(variables))
        .replace(/\$(?:(\w+)|\{(\w+)\})/g, (text, bare, braced) => variables[bare ?? braced] ?? text)
    : undefined;
}

function readEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    throw new HubError(
      "HF_ENDPOINT is not a usable web address.",
      "Give it the form https://host, without a user name or a password, or leave it unset.",
    );
  }
  return withoutEnding(text, "/");
}

async function readToken(variables: Variables, file: string): Promise<string | undefined> {
  const fromVariable = TOKEN_VARIABLES.map((name) => variables[name]).find(Boolean);
  // A token file that is absent or another user's leaves public models readable.
  const token = (fromVariable || (await readFile(file, "utf8").catch(() => ""))).trim();
  if (/[^\x21-\x7e]/.test(token)) {
    // Never shown: fetch would put the whole of it into its own error.
    throw new HubError(
      `The access token in ${fromVariable ? "HF_TOKEN" : "the token file"} holds blanks or characters no token has.`,
      "Set HF_TOKEN to the bare token, or run `hf auth login`.",
    );
  }
  return token || undefined;
}
