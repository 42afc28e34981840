/** The candidate that a misspelt word most likely meant, or null when none is within `allowed` typing mistakes. */
export function nearest(
  word: string,
  candidates: Iterable<string>,
  allowed = Math.max(1, Math.floor(word.length / 3)),
): string | null {
  if (word.length > MAX_LENGTH) return null
  let best: { candidate: string; distance: number } | null = null
  let looked = 0
  for (const candidate of candidates) {
    if (++looked > MAX_CANDIDATES) break
    if (Math.abs(candidate.length - word.length) > allowed) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance <= allowed && (best === null || distance < best.distance)) best = { candidate, distance }
  }
  return best?.candidate ?? null
}

/** `Did you mean manager?`, or else the words given. */
export function didYouMean(word: string, candidates: Iterable<string>, otherwise: string): string {
  const candidate = nearest(word, candidates)
  return candidate === null ? otherwise : `Did you mean ${candidate}?`
}

/** Insertions, deletions, replacements, and swaps of neighbours, which typing makes most. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

const MAX_LENGTH = 64
/** Past this a suggestion would cost more than it helps. */
const MAX_CANDIDATES = 500
