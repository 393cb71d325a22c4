import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lsg } from "../support/cli.js";
import { temporaryFolder } from "../support/fixtures.js";
import { convertedSmallBert } from "../verify/support.js";
import { HOSTILE_DECODERS, HOSTILE_TOKENIZERS } from "./tokenizers.js";

const { source, folder: converted } = convertedSmallBert();
const LIMITS = { LSG_LIMIT_SECONDS: "2", LSG_LIMIT_GIB: "0.5" };

describe("a tokenizer that does not come to an end", () => {
  test.each(Object.entries({ ...HOSTILE_TOKENIZERS, ...HOSTILE_DECODERS }))("%s", async (_, spoil) => {
    const folder = join(await temporaryFolder(), "copy");
    cpSync(converted, folder, { recursive: true });
    spoil(folder);
    const begin = Date.now();
    const { code, stdout, stderr } = await lsg(
      ["verify", folder, "--against", source, "--device", "cpu", "--lengths", "5,32,96", "--json"],
      {
        env: { ...process.env, ...LIMITS },
      },
    );
    console.log(
      Date.now() - begin,
      code,
      stderr.slice(0, 300),
      JSON.stringify(
        JSON.parse(stdout).checks.filter((c: any) => c.id === "tokenizer" || c.id === "predictions"),
        null,
        1,
      ),
    );
    expect(code).toBe(1);
  });
});
