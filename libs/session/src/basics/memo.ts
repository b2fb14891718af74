const MOST = 1_000;

/** A function of a text that remembers what it answered lately: clients come again. It forgets all at once, not one by one. */
export function memo(compute: (text: string) => string, most = MOST): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    let answer = known.get(text);
    if (answer === undefined) {
      if (known.size >= most) known.clear();
      known.set(text, (answer = compute(text)));
    }
    return answer;
  };
}
