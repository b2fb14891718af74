/** The value below which the part `q` of the numbers lies, interpolated. */
export function quantile(numbers, q) {
  if (numbers.length === 0) return undefined;
  const sorted = Float64Array.from(numbers).sort();
  const at = (sorted.length - 1) * q;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

export function median(numbers) {
  return quantile(numbers, 0.5);
}

/** Median and quartiles, rounded to so many decimals. */
export function spread(numbers, decimals) {
  const [q1, mid, q3] = [0.25, 0.5, 0.75].map((q) => round(quantile(numbers, q), decimals));
  return { median: mid, q1, q3 };
}

export function round(number, decimals = 0) {
  return number === undefined ? undefined : Number(number.toFixed(decimals)) + 0; // no -0, which JSON has not
}
