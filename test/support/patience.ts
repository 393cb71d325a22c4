/** Milliseconds that a test waits for what must come. Only what hangs takes so long, on whatever machine, however busy. */
export const PATIENCE = 300_000;
