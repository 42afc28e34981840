import { parseCheckpoint, parseNote, Refused } from '../record/verify.ts'
import type { Arguments } from './read-arguments.ts'
import { readText } from './read-text.ts'

/** What a person copies is small. */
const MOST_CHARACTERS = 64 * 1024
/** Origin, size, root, signatures: what stands between them may be lost or added where somebody copies a message. */
const NOTE =
  /(\S{1,255})\s{1,20}(\d{1,16})\s{1,20}([A-Za-z0-9+/]{43}=)\s{1,20}((?:[—–-]{1,2}\s{1,20}\S{1,255}\s{1,20}[A-Za-z0-9+/]{8,400}={0,2}\s{0,20})+)/g
const SIGNATURE = /[—–-]{1,2}\s+(\S+)\s+(\S+)/g

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

/** Every signed note in a text that was copied by hand, as C2SP writes it. */
export function findNotes(text: string): string[] {
  return [...text.matchAll(NOTE)].map(([, origin, size, root, signatures = '']) => {
    const lines = [...signatures.matchAll(SIGNATURE)].map(([, name, signature]) => `— ${name} ${signature}\n`)
    return `${origin}\n${size}\n${root}\n\n${lines.join('')}`
  })
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
