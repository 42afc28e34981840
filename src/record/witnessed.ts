import type { Witness } from '../ports/witness.ts'
import { type Checkpoint, type NoteKey, openNote, parseCheckpoint, parseVkey, Refused } from './verify.ts'

/**
 * What the witnesses confirmed. Rows in the database are never asked. While this process seals, it knows the newest
 * checkpoint that each confirmed; otherwise each is asked every time, because an older one could prove an approval
 * whose withdrawal a restore has lost.
 */
export function createWitnessed(vkey: string, witnesses: readonly Witness[]): Witnessed {
  if (witnesses.length === 0) throw new RangeError('a record needs a witness')
  if (new Set(witnesses.map(({ name }) => name)).size < witnesses.length) {
    throw new RangeError('two witnesses have the same name')
  }
  const key = parseVkey(vkey)
  const confirmed = new Map<string, WitnessedNote>()
  let sealing = false

  async function ask(witness: Witness): Promise<WitnessedNote | null> {
    const note = await witness.newest(key.name)
    return note === null ? null : { witness: witness.name, note, checkpoint: openOurs(note, key, witness.name) }
  }

  return {
    origin: key.name,
    vkey,
    key,
    witnesses,
    ask: () => Promise.all(witnesses.map(ask)),
    async newest() {
      const known = witnesses.flatMap(({ name }) => confirmed.get(name) ?? [])
      if (known.length === witnesses.length) return known
      return Promise.all(witnesses.map(ask))
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
function openOurs(note: string, key: NoteKey, witness: string): Checkpoint {
  try {
    const checkpoint = parseCheckpoint(openNote(note, [key]).text)
    if (checkpoint.origin === key.name) return checkpoint
    throw new Refused('origin-differs', `it is of ${checkpoint.origin}`)
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause
    throw new WitnessNoteWrong(`witness ${witness} holds a note for ${key.name} that is not ours: ${cause.message}`, {
      cause,
    })
  }
}

/** A witness shows a note that our key did not sign: another key was used, or somebody wrote into it. */
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
  readonly vkey: string
  readonly key: NoteKey
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
