/** Lets work begin as long as its memory lasts. */
export interface MemoryGate {
  /**
   * Waits, in the order of the calls, until there is room or nothing else runs: what is larger than all memory runs alone.
   * @returns gives the memory back
   * @throws the signal's reason when it is aborted meanwhile
   */
  enter(bytes: number, signal?: AbortSignal): Promise<() => void>;
}

/** @param budget bytes */
export function memoryGate(budget: number): MemoryGate {
  let used = 0;
  let inside = 0;
  const waiting: { bytes: number; open: () => void }[] = [];

  function admit(): void {
    for (
      let first = waiting[0];
      first && (inside === 0 || used + first.bytes <= budget);
      first = waiting[0]
    ) {
      waiting.shift();
      inside++;
      used += first.bytes;
      first.open();
    }
  }

  return {
    async enter(bytes, signal) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const giveUp = () => {
          waiting.splice(waiting.indexOf(place), 1);
          reject(signal?.reason);
          admit();
        };
        const open = () => {
          signal?.removeEventListener("abort", giveUp);
          resolve();
        };
        const place = { bytes, open };
        waiting.push(place);
        signal?.addEventListener("abort", giveUp, { once: true });
        admit();
      });
      return () => {
        inside--;
        used -= bytes;
        admit();
      };
    },
  };
}
