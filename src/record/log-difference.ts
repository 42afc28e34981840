import type { TreeHead } from './verify.ts'

export type DifferenceKind =
  | 'body-changed'
  | 'mac-wrong'
  | 'column-changed'
  | 'event-missing'
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
  | 'another-origin'

export type Found = (what: DifferenceKind, where: string, since?: number | null) => void

export interface Difference {
  readonly what: DifferenceKind
  readonly where: string
  /** Epoch ms of the first checkpoint that shows it was right; null when none does. */
  since: number | null
}

export interface WitnessHead extends TreeHead {
  readonly holder: string
}
