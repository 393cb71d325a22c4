import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isMountPoint } from "../../src/write/mount-point.js";
import { LSG, lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { variants } from "../support/variants.js";

const BERT = join(FIXTURES, "bert", "checkpoint");

/** Whether this user may mount, which mostly root alone may. */
const canMount = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

/** Runs a script in which something may be mounted; it is gone with the script. */
function script(cwd: string, lines: readonly string[]) {
  const { status, stdout, stderr } = spawnSync("unshare", ["--mount", "sh", "-c", lines.join("\n")], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, LSG: `${process.execPath} ${LSG}`, BERT },
  });
  return { status, stdout, stderr, lines: stdout.trim().split("\n") };
}

/** Two kinds of mounts: of another disk, and of a folder of the same disk, which has the same device number. */
const MOUNTS = [
  ["another disk", "mount -t tmpfs none out"],
  ["a folder of the same disk", "mkdir -p disk && mount --bind disk out"],
] as const;

describe.skipIf(!canMount)("an output that is a mount point", () => {
  test.each(variants(MOUNTS))("is filled where it is empty: %s", async (_, mount) => {
    const cwd = await temporaryFolder();
    await mkdir(join(cwd, "out"));
    const { status, stderr, lines } = script(cwd, [
      mount,
      "mkdir out/lost+found",
      "$LSG convert $BERT out --quiet && $LSG inspect out --json > /dev/null && ls -A out",
    ]);
    expect(status, stderr).toBe(0);
    expect(lines).toEqual(expect.arrayContaining(["config.json", "lost+found", "lsg_conversion.json"]));
    expect(lines).not.toContain(".lsg-partial");
    expect(lines.filter((name) => name.includes("partial"))).toEqual([]);
  });

  test.each(variants(MOUNTS))(
    "is refused where it is full, before the work; both remedies help: %s",
    async (_, mount) => {
      const cwd = await temporaryFolder();
      await mkdir(join(cwd, "out"));
      const convert = "$LSG convert $BERT out --force --quiet";
      const { status, stderr, lines } = script(cwd, [
        `${mount} && ${convert} || exit 9`,
        `${convert}; echo code $?`,
        "$LSG export $BERT out --force --quiet; echo code $?",
        'printf \'{"jobs": [{"model": "%s", "output": "out"}]}\' $BERT > jobs.json',
        "$LSG batch jobs.json --force --json | grep -c 'cannot be replaced as a whole'",
        "$LSG convert $BERT out/model --quiet && rm -r out/* && $LSG convert $BERT out --quiet; echo code $?",
      ]);
      expect(status, stderr).toBe(0);
      expect(lines).toEqual(["code 2", "code 2", "1", "code 0"]);
      expect(stderr).toMatch(
        /out is not empty, and cannot be replaced as a whole: a disk or a volume is mounted there\n +Empty it, or name a folder in it: .*out\/model/,
      );
    },
  );

  test.each(variants(MOUNTS))(
    "killed in between, it is refused until the next run clears it: %s",
    async (_, mount) => {
      const cwd = await temporaryFolder();
      await mkdir(join(cwd, "out"));
      const killer = join(import.meta.dirname, "..", "kills", "killer.js");
      const { status, stderr, lines } = script(cwd, [
        mount,
        // Calls are counted in an earlier run into another folder of that kind.
        `NODE_OPTIONS="--import ${killer}" COUNT_IN=$PWD/calls $LSG convert $BERT out --quiet; rm -r out/*`,
        // Its last calls remove the work folder and the mark; some before, files are moved.
        `NODE_OPTIONS="--import ${killer}" KILL_AT=$(($(cat calls) - 10)) $LSG convert $BERT out --quiet`,
        "ls -A out | grep -c '^.lsg-partial$'",
        ...["verify", "inspect", "bench", "export", "push"].map(
          (verb) =>
            `$LSG ${verb} out ${verb === "push" ? "org/name" : ""} > said 2>&1; echo $? $(grep -c 'is not whole' said)`,
        ),
        "$LSG convert out elsewhere > said 2>&1; echo $? $(grep -c 'is not whole' said)",
        "$LSG convert $BERT out --quiet; echo $?",
        "ls -A out | grep -c partial",
        "$LSG inspect out --json > /dev/null; echo $?",
      ]);
      expect(status, stderr).toBe(0);
      const refused = "2 1";
      expect(lines).toEqual(["1", ...Array.from({ length: 6 }, () => refused), "0", "0", "0"]);
    },
  );

  test("graphs that lie on another disk than their model are refused before the work; the remedy helps", async () => {
    const cwd = await temporaryFolder();
    const { stderr, lines } = script(cwd, [
      "cp -r $BERT model && mkdir model/onnx && mount -t tmpfs none model/onnx",
      "$LSG export model --quiet; echo $?",
      "ls -A model model/onnx | grep -c -e partial -e onnx$",
      "$LSG export model out --quiet; echo $?",
    ]);
    expect(lines).toEqual(["2", "1", "0"]);
    expect(stderr).toMatch(/onnx lies on another disk than the model/);
  });

  test("a folder of a container's image is refused before the work; both remedies help", async () => {
    const cwd = await temporaryFolder();
    await mkdir(join(cwd, "all"));
    const convert = "$LSG convert $BERT out --force --onnx --quiet; echo $?";
    const { stderr, lines } = script(cwd, [
      "mount -t tmpfs none all && mkdir all/image all/changes all/work all/seen && cp -r $BERT all/image/out || exit 9",
      "cd all && mount -t overlay none -o lowerdir=image,upperdir=changes,workdir=work seen && cd seen || exit 9",
      convert,
      "ls -A; diff -r $BERT out && echo same",
      "$LSG convert $BERT other --quiet; echo $?",
      `rm -r out; ${convert}`,
      "ls -A",
      convert,
      "ls -A",
    ]);
    expect(lines).toEqual(["2", "out", "same", "0", "0", "other", "out", "0", "other", "out"]);
    expect(stderr).toMatch(/out is part of the container's image, and cannot be replaced as a whole/);
  });

  test("that is read-only is refused before the work", async () => {
    const cwd = await temporaryFolder();
    await mkdir(join(cwd, "out"));
    const { stderr, lines } = script(cwd, [
      "mount -t tmpfs -o ro none out",
      "$LSG convert $BERT out --quiet; echo $?",
      "$LSG convert $BERT out/model --quiet; echo $?",
    ]);
    expect(lines).toEqual(["2", "2"]);
    expect(stderr.match(/The disk is read-only: name a folder elsewhere\./g)).toHaveLength(2);
  });

  test("whose disk is full midway is as it was, with the disk's error", async () => {
    const cwd = await temporaryFolder();
    await mkdir(join(cwd, "out"));
    const { stderr, lines } = script(cwd, [
      // Room for the weights, which is looked at before, and for no graph beside them.
      "mount -t tmpfs -o size=$(($(du -sb $BERT | cut -f1) * 12 / 10)) none out",
      "$LSG convert $BERT out --onnx --quiet; echo $?",
      "ls -A out | wc -l",
    ]);
    expect(lines).toEqual(["2", "0"]);
    expect(stderr).toMatch(/ENOSPC/);
  });
});

test("a folder that is no mount point is none", async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "in it"));
  expect(await isMountPoint(join(folder, "in it"))).toBe(false);
  expect(await isMountPoint("/")).toBe(true);
});

/** Somebody who owns nothing, which root can be. */
const NOBODY = { uid: 65534, gid: 65534 };
const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)("another user's folders", () => {
  const convert = (output: string) => lsg(["convert", BERT, output, "--quiet"], { ...NOBODY, cwd: "/" });

  test("an empty folder of one's own in another's is filled", async () => {
    const parent = await temporaryFolder();
    await chmod(parent, 0o755);
    const out = join(parent, "out");
    await mkdir(out);
    await chown(out, NOBODY.uid, NOBODY.gid);
    const { code, stderr } = await convert(out);
    expect(code, stderr).toBe(0);
    expect(readdirSync(out)).toContain("lsg_conversion.json");
    expect(readdirSync(parent)).toEqual(["out"]);
    const again = await convert(out);
    expect([again.code, again.stderr]).toEqual([
      2,
      `lsg: ${out} is not empty, and cannot be replaced as a whole: nothing can be written beside it, in ${parent}\n` +
        `     Empty it, or name a folder in it: ${out}/model\n`,
    ]);
    expect((await convert(join(out, "model"))).code).toBe(0);
  });

  test("what may not be written is refused before the work", async () => {
    const parent = await temporaryFolder();
    await chmod(parent, 0o755);
    await mkdir(join(parent, "out"));
    for (const output of [join(parent, "out"), join(parent, "new"), join(parent, "new", "deep")]) {
      const { code, stderr } = await convert(output);
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/EACCES.*\n +Name a folder that you may write to\./),
      ]);
    }
    expect(readdirSync(parent)).toEqual(["out"]);
    const model = join(parent, "model");
    execFileSync("cp", ["-r", BERT, model]);
    const { code, stderr } = await lsg(["export", model], NOBODY);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/EACCES.*\n +Name a folder that you may write to\./),
    ]);
    await writeFile(join(parent, "jobs.json"), "");
    expect(existsSync(join(parent, "model", "onnx"))).toBe(false);
    expect(readFileSync(join(model, "config.json"))).toEqual(readFileSync(join(BERT, "config.json")));
  });
});
