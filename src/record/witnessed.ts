import type { Witness } from '../ports/witness.ts'
import { keysAround, type LogKeys } from './read-hand-overs.ts'
import {
  type Checkpoint,
  type HandOver,
  type KeySpan,
  type NoteKey,
  openInForce,
  parseVkey,
  Refused,
} from './verify.ts'

/**
 * What the witnesses confirmed. Rows in the database are never asked. While this process seals, it knows the newest
 * checkpoint that each confirmed; otherwise each is asked every time, because an older one could prove an approval
 * whose withdrawal a restore has lost.
 * @param vkey a key of the log that is trusted, from outside the database
 * @param handOvers reads those on record: they lead to the keys before and after this one
 */
export function createWitnessed(
  vkey: string,
  witnesses: readonly Witness[],
  handOvers: () => Promise<readonly HandOver[]> = async () => [],
): Witnessed {
  if (witnesses.length === 0) throw new RangeError('a record needs a witness')
  if (new Set(witnesses.map(({ name }) => name)).size < witnesses.length) {
    throw new RangeError('two witnesses have the same name')
  }
  const key = parseVkey(vkey)
  const confirmed = new Map<string, WitnessedNote>()
  let sealing = false

  const keys = async () => keysAround(vkey, await handOvers())

  async function ask(): Promise<(WitnessedNote | null)[]> {
    const notes = await Promise.all(witnesses.map((witness) => witness.newest(key.name)))
    // Afterwards: of what a witness holds, the hand-over before it is on record.
    const { keys: inTurn } = await keys()
    return notes.map((note, place) => {
      const witness = witnesses[place]?.name ?? ''
      return note === null ? null : { witness, note, checkpoint: openOurs(note, inTurn, witness) }
    })
  }

  return {
    origin: key.name,
    vkey,
    key,
    witnesses,
    keys,
    ask,
    async newest() {
      const known = witnesses.flatMap(({ name }) => confirmed.get(name) ?? [])
      if (known.length === witnesses.length) return known
      return ask()
    },
    startSealing(notes) {
      confirmed.clear()
      for (const note of notes) confirmed.set(note.witness, note)
      sealing = true
    },
    stopSealing() {
      sealing = false
      confirmed.clear()
    },
    confirm(note) {
      const before = confirmed.get(note.witness)
      if (sealing && (!before || before.checkpoint.size < note.checkpoint.size)) confirmed.set(note.witness, note)
    },
    size: () => (sealing ? Math.min(...witnesses.map(({ name }) => confirmed.get(name)?.checkpoint.size ?? 0)) : null),
  }
}

/** The smallest of the newest, so the one that every witness has gone past or holds; null when one holds none. */
export function confirmedByAll(notes: readonly (WitnessedNote | null)[]): WitnessedNote | null {
  let least = notes[0] ?? null
  for (const note of notes) {
    if (note === null) return null
    if (least && note.checkpoint.size < least.checkpoint.size) least = note
  }
  return least
}

/** The checkpoint in a note of ours. @throws WitnessNoteWrong */
function openOurs(note: string, keys: readonly KeySpan[], witness: string): Checkpoint {
  const origin = keys[0]?.key.name
  try {
    const checkpoint = openInForce(note, keys)
    if (checkpoint.origin === origin) return checkpoint
    throw new Refused('origin-differs', `it is of ${checkpoint.origin}`)
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause
    throw new WitnessNoteWrong(`witness ${witness} holds a note for ${origin} that is not ours: ${cause.message}`, {
      cause,
    })
  }
}

/** A witness shows a note that no key in force signed: another key was used, or somebody wrote into it. */
export class WitnessNoteWrong extends Error {
  readonly code = 'WITNESS_NOTE_WRONG'
  override name = 'WitnessNoteWrong'
}

export interface WitnessedNote {
  readonly witness: string
  readonly note: string
  readonly checkpoint: Checkpoint
}

export interface Witnessed {
  readonly origin: string
  /** The key that is trusted from outside. */
  readonly vkey: string
  readonly key: NoteKey
  /** All keys that the log had, by the hand-overs on record. */
  keys(): Promise<LogKeys>
  readonly witnesses: readonly Witness[]
  /** The newest note of each witness, null for one that holds none. @throws WitnessUnreachable, WitnessNoteWrong */
  newest(): Promise<readonly (WitnessedNote | null)[]>
  /** As `newest`, without what this process remembers. */
  ask(): Promise<readonly (WitnessedNote | null)[]>
  /** From here on this process alone makes checkpoints, and hears of each confirmation. */
  startSealing(notes: readonly WitnessedNote[]): void
  stopSealing(): void
  confirm(note: WitnessedNote): void
  /** How many leaves every witness has confirmed; null while another process seals. */
  size(): number | null
}
