/** A function that says yes the first time, and then once in a while. */
export function onceEvery(ms: number): () => boolean {
  let last = -Infinity;
  return () => {
    const now = performance.now();
    if (now - last < ms) return false;
    last = now;
    return true;
  };
}

/** A function that says yes the first time, and then ever more rarely as long as it is asked again and again. */
export function everMoreRarely(firstMs: number, longestMs: number): () => boolean {
  let [last, pauseMs] = [-Infinity, firstMs];
  return () => {
    const since = performance.now() - last;
    if (since < pauseMs) return false;
    pauseMs = since > 4 * longestMs ? firstMs : Math.min(2 * pauseMs, longestMs);
    last = performance.now();
    return true;
  };
}
