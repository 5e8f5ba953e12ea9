// A text whose names stand apart, so that their direction does not change the order of the words around them.

/** Shows what `isolate` has marked. */
export function Isolated({ text }: { text: string }) {
  return <>{text.split(/\u2068([^\u2068\u2069]*)\u2069/).map((part, index) => (index % 2 === 1 ? <bdi key={index}>{part}</bdi> : part))}</>;
}
