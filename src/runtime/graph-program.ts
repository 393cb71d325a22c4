import type { GraphRequest } from "./graph-host.js";
import { loadRuntime } from "./runtime.js";
import { serve } from "./serve.js";
import { openSession, type Session } from "./session.js";

// A program of its own: graphs that strangers made may loop, fill memory, or end the process that runs them.
const sessions = new Map<number, Session>();
serve(answer);

async function answer(request: GraphRequest): Promise<unknown> {
  if (request.kind === "open") {
    const session = await openSession(await loadRuntime(), request.model, request.options);
    const number = sessions.size;
    sessions.set(number, session);
    const { inputNames, outputNames } = session;
    return { number, inputNames: [...inputNames], outputNames: [...outputNames] };
  }
  const session = sessions.get(request.number);
  if (!session) throw new Error(`there is no session ${request.number}`);
  switch (request.kind) {
    case "run":
      return session.run(request.inputs);
    case "nodeShares":
      return session.nodeShares();
    case "close":
      return session.close();
  }
}
