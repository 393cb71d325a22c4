// node in-browser.js FOLDER JOB.json OUTPUT: the same in a page of headless Chromium, which posts its results.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, extname, join, posix } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";

/** WebGPU without a GPU, on the SwiftShader that Debian's chromium has. */
const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
];
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Only pages with these headers may use threads. */
const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};
const MEDIA_TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript" };
const TIMEOUT_MS = 240_000;

const [folder, job, output] = process.argv.slice(2);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/** By the beginning of a path; the first that fits. */
const ROOTS = {
  "/model/": folder,
  "/transformers/": here("node_modules/@huggingface/transformers/dist"),
  "/wasm/": here("node_modules/onnxruntime-web/dist"),
  "/": here("page"),
};

async function sendFile(path, response) {
  const [prefix, root] = Object.entries(ROOTS).find(([start]) => path.startsWith(start));
  const file = path === "/job.json" ? job : join(root, posix.normalize(`/${path.slice(prefix.length)}`));
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return response.writeHead(404, ISOLATED).end();
  const type = MEDIA_TYPES[extname(file)] ?? "application/octet-stream";
  response.writeHead(200, { ...ISOLATED, "Content-Type": type, "Content-Length": found.size });
  await pipeline(createReadStream(file), response).catch((error) => {
    // A page may let go of a file before its end, as one that asks for its size alone does; what it lacks it says.
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  });
}

/** Serves the page until it posts to /finished, and returns what it posted: nothing, or an error. */
function served(server) {
  return new Promise((resolve, reject) => {
    server.on("request", async (request, response) => {
      try {
        const { pathname } = new URL(request.url, "http://localhost");
        if (request.method === "GET") return await sendFile(pathname, response);
        if (pathname === "/finished") resolve(await text(request));
        else await pipeline(request, createWriteStream(join(output, basename(pathname))));
        response.writeHead(204, ISOLATED).end();
      } catch (error) {
        reject(error);
      }
    });
  });
}

const server = createServer();
const finished = served(server);
await once(server.listen(0, "127.0.0.1"), "listening");
const profile = await mkdtemp(join(tmpdir(), "lsg-chromium-"));
const page = `http://127.0.0.1:${server.address().port}/index.html`;
const chromium = spawn("chromium", [...FLAGS, `--user-data-dir=${profile}`, page], {
  stdio: ["ignore", "ignore", "inherit"],
  env: { ...process.env, VK_DRIVER_FILES: SWIFTSHADER, VK_ICD_FILENAMES: SWIFTSHADER },
});
const ended = once(chromium, "exit");
const timeout = new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS, "the page took too long").unref());
try {
  const failure = await Promise.race([finished, timeout, ended.then(() => "Chromium ended early")]);
  if (failure) throw new Error(failure);
} finally {
  // Whatever went wrong: a browser that is left keeps this process's stderr open, and who reads it waits for its end.
  chromium.kill();
  await ended;
  server.closeAllConnections();
  server.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}
