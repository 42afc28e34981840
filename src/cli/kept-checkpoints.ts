import { findNotes } from '../record/find-notes.ts'
import { parseCheckpoint, parseNote, Refused } from '../record/verify.ts'
import type { Arguments } from './read-arguments.ts'
import { readText } from './read-text.ts'

/** What a person copies is small. */
const MOST_CHARACTERS = 64 * 1024

/**
 * The checkpoints that somebody kept, from the files of `--earlier`: each as a note, or as a whole message that was copied
 * from chat. Breaks that were lost or added change nothing: a signature fits the exact text alone.
 * @throws NoCheckpoint, FileUnreadable
 */
export async function readKeptCheckpoints(given: Arguments): Promise<KeptCheckpoint[]> {
  const kept: KeptCheckpoint[] = []
  for (const file of given.values('earlier')) {
    const text = await readText(file)
    if (text.length > MOST_CHARACTERS)
      throw new NoCheckpoint(`${file} is too long to be a checkpoint. Keep the note alone`)
    const notes = findNotes(text)
    if (notes.length === 0) {
      throw new NoCheckpoint(
        `${file} has no checkpoint: copy the whole message from chat, or the note: origin, size, root and signature`,
      )
    }
    for (const note of notes) kept.push({ file, note, size: sizeOf(file, note) })
  }
  return kept
}

function sizeOf(file: string, note: string): number {
  try {
    return parseCheckpoint(parseNote(note).text).size
  } catch (error) {
    if (error instanceof Refused)
      throw new NoCheckpoint(`${file} has no checkpoint: ${error.message}`, { cause: error })
    throw error
  }
}

export interface KeptCheckpoint {
  readonly file: string
  /** C2SP signed note. Nobody has checked its signature yet. */
  readonly note: string
  readonly size: number
}

class NoCheckpoint extends Error {
  readonly code = 'NO_CHECKPOINT'
  override name = 'NoCheckpoint'
}
