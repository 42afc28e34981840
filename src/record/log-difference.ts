import type { TreeHead } from './verify.ts'

export type DifferenceKind =
  | 'body-changed'
  | 'mac-wrong'
  | 'body-malformed'
  | 'column-changed'
  | 'event-missing'
  | 'pruned-early'
  | 'event-doubled'
  | 'text-missing'
  | 'text-added'
  | 'stream-missing'
  | 'chain-broken'
  | 'head-differs'
  | 'never-sealed'
  | 'leaf-missing'
  | 'tile-differs'
  | 'checkpoint-forged'
  | 'checkpoint-differs'
  | 'checkpoint-missing'
  | 'witness-differs'
  | 'witness-note-wrong'
  | 'earlier-differs'
  | 'before-differs'
  | 'progress-differs'
  | 'another-origin'

export type Found = (what: DifferenceKind, where: string, since?: number | null) => void

export interface Difference {
  readonly what: DifferenceKind
  readonly where: string
  /** Of the table `event`, where one says something else than the text. */
  readonly column?: string
  /** Epoch ms of the first checkpoint that shows it was right; null when none does. */
  since: number | null
}

export interface WitnessHead extends TreeHead {
  readonly holder: string
  /** True for a checkpoint that somebody kept who asks whether the log continues it: `holder` is their file. */
  readonly isKept?: true
}

/** Names a checkpoint that the log does not continue. @param there how many events the log has, where it is too short */
export function nameHead(found: Found, { holder, size, isKept }: WitnessHead, there: number | null = null): void {
  if (isKept) {
    found('earlier-differs', `${holder}, size ${size}${there === null ? '' : `, and the log has ${there}`}`)
  } else if (there === null) found('witness-differs', `witness ${holder}, size ${size}`)
  else found('witness-differs', `witness ${holder} confirmed ${size} events, there are ${there}`)
}
