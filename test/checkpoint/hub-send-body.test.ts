import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { sendBody } from "../../src/checkpoint/hub/send-body.js";

const CHUNK = 2 ** 20;
const CHUNKS = 200;

it("a body of any size takes little memory, and its answer is a fetch's", async () => {
  let received = 0;
  const server = createServer((message, response) => {
    message.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    message.on("end", () => response.writeHead(201, { etag: '"e"' }).end("done"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());

  const before = process.memoryUsage().arrayBuffers;
  let [sent, most] = [0, 0];
  const open = () =>
    new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          most = Math.max(most, process.memoryUsage().arrayBuffers - before);
          if (sent++ < CHUNKS) controller.enqueue(new Uint8Array(CHUNK));
          else controller.close();
        },
      },
      { highWaterMark: 1 },
    );
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x`);
  const body = { method: "PUT", size: CHUNK * CHUNKS, open } as const;
  const response = await sendBody(url, {}, body, new AbortController().signal);
  expect([response.status, response.headers.get("etag"), response.url]).toEqual([201, '"e"', url.href]);
  expect(await response.text()).toBe("done");
  expect(received).toBe(CHUNK * CHUNKS);
  expect(most).toBeLessThan((CHUNK * CHUNKS) / 2); // what waits for the garbage collector counts as well
});
