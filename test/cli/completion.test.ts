import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { PRESETS } from "../../src/attention/lsg-config.js";
import { LSG } from "../support/cli.js";
import { temporaryFolder } from "../support/fixtures.js";

const script = (shell: string) =>
  execFileSync(process.execPath, [LSG, "completion", shell], { encoding: "utf8" });
const hasShell = (shell: string) => spawnSync(shell, ["-c", "exit 0"]).status === 0;

describe("lsg completion bash", () => {
  let bash = "";
  beforeAll(() => {
    bash = script("bash");
  });

  /** What bash offers behind these words, the last of which is being typed. */
  function complete(...words: string[]): string[] {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const program = `${bash}\nCOMP_WORDS=(lsg ${quoted})\nCOMP_CWORD=${words.length}\n_lsg\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync("bash", ["--norc", "--noprofile"], {
      input: program,
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    return stdout.trim().split("\n").filter(Boolean);
  }

  test("completes commands", () => {
    expect(complete("ver")).toEqual(["verify"]);
    expect(complete("")).toEqual(expect.arrayContaining(["convert", "export", "push", "help", "--help"]));
    expect(complete("help", "con")).toEqual(["convert"]);
  });

  test("completes a command's own flags, and their negations where these say something", () => {
    expect(complete("convert", "--max-s")).toEqual(["--max-sequence-length"]);
    expect(complete("verify", "--max-s")).toEqual([]);
    expect(complete("push", "out", "me/x", "--no-")).toEqual(["--no-verify"]);
    expect(complete("convert", "--no-")).toContain("--no-use-token-ids");
    expect(complete("convert", "--no-")).not.toContain("--no-force");
    expect(complete("architectures", "--")).toEqual(["--json", "--help"]);
  });

  test("completes values that a schema lists, behind a blank and behind =", () => {
    expect(complete("convert", "model", "--preset", "")).toEqual([...PRESETS]);
    expect(complete("convert", "--preset", "=")).toEqual([...PRESETS]);
    expect(complete("convert", "--preset", "=", "fa")).toEqual(["faithful"]);
    expect(complete("completion", "")).toEqual(["bash", "zsh", "fish"]);
  });

  test("leaves models and other values to bash, which knows files", () => {
    expect(complete("convert", "")).toEqual([]);
    expect(complete("convert", "model", "--revision", "m")).toEqual([]);
    expect(bash).toMatch(/^complete -o bashdefault -o default -F _lsg lsg$/m);
  });
});

test.skipIf(!hasShell("fish"))("lsg completion fish", async () => {
  const file = join(await temporaryFolder(), "lsg.fish");
  writeFileSync(file, script("fish"));
  const complete = (line: string) => {
    const { stdout, stderr } = spawnSync("fish", ["-c", `source ${file}; complete -C '${line}'`], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    return stdout.split("\n").map((word) => word.split("\t")[0]);
  };
  expect(complete("lsg ver")).toContain("verify");
  expect(complete("lsg convert --max-s")).toContain("--max-sequence-length");
  expect(complete("lsg convert --preset ")).toEqual(expect.arrayContaining([...PRESETS]));
});

test.skipIf(!hasShell("zsh"))("lsg completion zsh", async () => {
  const file = join(await temporaryFolder(), "_lsg");
  writeFileSync(file, script("zsh"));
  // zsh completes at a terminal only; what its own functions are asked for tells as much.
  const asked = (...words: string[]) => {
    const program =
      `_describe() { print -rl -- describe $verbs }; _arguments() { print -rl -- "$@" }; compdef() { :; }; ` +
      `source ${file}; words=(${words.join(" ")} ''); CURRENT=${words.length + 1}; _lsg`;
    const { stdout, stderr } = spawnSync("zsh", ["-f", "-c", program], { encoding: "utf8" });
    expect(stderr).toBe("");
    return stdout.trim().split("\n");
  };
  expect(asked("lsg")).toContain("verify:prove a converted folder against its original");
  expect(asked("lsg", "convert")).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^--preset=\[.*\]:value:\(faithful reference\)$/),
      expect.stringMatching(/^--force\[replace an existing output folder\]$/),
      "*: :_files",
    ]),
  );
  expect(asked("lsg", "completion").at(-1)).toBe("*: :(bash zsh fish)");
});
