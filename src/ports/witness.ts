import type { TwoClocks } from '../domain/independence.ts'

/**
 * A witness keeps signed checkpoints outside the database and, to be worth something, outside the
 * operator's write access. What a witness has seen cannot be changed unnoticed.
 */
export interface Witness {
  /** Short, unique among the configured witnesses: `file`, `s3:audit-bucket`. */
  readonly name: string
  /** As last seen. `weak`: the operator can rewrite it (a file on the same machine). `independent`: the operator cannot. */
  readonly strength: 'weak' | 'independent'
  /** Who administers it, in words for an auditor. */
  readonly administeredBy: string
  /** For how long each object is locked, ms; left out where nothing is ever locked. */
  readonly lockMs?: number
  /**
   * Keeps a checkpoint durably. Idempotent: the same note twice is kept once.
   * @param note a C2SP signed note, whole
   * @throws WitnessUnreachable when it is not known to be kept
   * @throws WitnessRefused when it holds a larger one, or another one of this size
   */
  keep(note: string): Promise<void>
  /**
   * The newest checkpoint it holds for this origin, by tree size; null when it holds none.
   * @throws WitnessUnreachable
   */
  newest(origin: string): Promise<string | null>
  /**
   * Looks at what the witness is worth, and assumes nothing. For people: nothing is decided on it.
   * @throws WitnessUnreachable
   */
  look(origin: string): Promise<WitnessLook>
  /** Its own time in its last answer, and ours then; null before there was one. Left out where it has no clock. */
  clock?(): TwoClocks | null
}

export interface WitnessLook {
  readonly strength: Witness['strength']
  /** Why it is weak, and what else a person should see to, each in words; empty when all is well. */
  readonly faults: readonly string[]
  /** What was seen that is good, in words. */
  readonly seen: readonly string[]
  /** `at`: epoch ms by the witness's own clock, null when it has none. */
  readonly newest: { readonly size: number; readonly at: number | null } | null
}

/** The witness could not be asked, or did not confirm. New grants are held; revocations go on. */
export class WitnessUnreachable extends Error {
  readonly code = 'WITNESS_UNREACHABLE'
  override name = 'WitnessUnreachable'
}

/** The witness holds what cannot be true together with the checkpoint: the log was forked or rolled back. */
export class WitnessRefused extends Error {
  readonly code = 'WITNESS_REFUSED'
  override name = 'WitnessRefused'
}
