/**
 * Does two things at the same time. When one fails the other is told to stop, and what failed first is thrown once both
 * have ended.
 */
export async function atOnce<A, B>(
  first: (signal: AbortSignal) => Promise<A>,
  second: (signal: AbortSignal) => Promise<B>,
  signal?: AbortSignal,
): Promise<[A, B]> {
  const failure = new AbortController();
  const either = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
  const run = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await work(either);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  };
  const [a, b] = [run(first), run(second)];
  await Promise.allSettled([a, b]);
  failure.signal.throwIfAborted();
  return [await a, await b];
}
