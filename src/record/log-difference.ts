import type { TreeHead } from './verify.ts'

export type DifferenceKind =
  | 'body-changed'
  | 'mac-wrong'
  | 'body-malformed'
  | 'column-changed'
  | 'event-missing'
  | 'pruned-early'
  | 'event-doubled'
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
}
