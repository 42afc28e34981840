/** One bench: it sets up what it measures, checks that the work was really done, and leaves nothing behind. */
export interface Bench {
  readonly name: string
  readonly bounds: readonly Bound[]
  /** @param say what is going on, for whoever waits. @throws when what was measured did not do its work */
  run(say: (line: string) => void): Promise<Measured>
}

/** A figure, and what it must keep to; null where it is only printed. */
export interface Bound {
  readonly figure: string
  readonly most?: number
  readonly least?: number
}

export interface Measured {
  readonly figures: Readonly<Record<string, number>>
  /** The absolute numbers behind the figures, in words and units, by figure. */
  readonly behind: Readonly<Record<string, string>>
}

/** What was measured did not do its work: then its speed says nothing. */
export class BenchFailed extends Error {
  readonly code = 'BENCH_FAILED'
  override name = 'BenchFailed'
}
