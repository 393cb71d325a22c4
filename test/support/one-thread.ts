import { InferenceSession } from "onnxruntime-node";

// One thread for each session: with models this small, several wait for each other most of the time.
const create: (model: string, options?: InferenceSession.SessionOptions) => Promise<InferenceSession> =
  InferenceSession.create;
Object.assign(InferenceSession, {
  create: (model: string, options: InferenceSession.SessionOptions) =>
    create(model, { ...options, intraOpNumThreads: 1 }),
});
