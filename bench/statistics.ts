/** Of nothing there is no median. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** @param share from 0 to 1; between two values, the line between them */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('nothing was measured')
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const [below, above] = [sorted[Math.floor(place)] ?? 0, sorted[Math.ceil(place)] ?? 0]
  return below + (above - below) * (place - Math.floor(place))
}

/** To three figures that mean something: what comes after them is the machine's mood. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3))
}

/** `2 310, 2 405, 2 288`: every round, so that a reader sees how far they lie apart. */
export function listed(values: readonly number[]): string {
  return values.map((value) => String(rounded(value))).join(', ')
}
