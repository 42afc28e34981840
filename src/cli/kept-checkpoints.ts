import { parseCheckpoint, parseNote, Refused } from '../record/verify.ts'
import type { Arguments } from './read-arguments.ts'
import { readText } from './read-text.ts'

/** What a person copies is small. */
const MOST_CHARACTERS = 64 * 1024
/** Base64 of so many characters before its one `=`, however it was broken. */
const ROOT = '(?:[A-Za-z0-9+/]\\s{0,20}){43}='
const SIGNED = '[—–-]{1,2}\\s{1,20}(\\S{1,255})\\s{1,20}((?:[A-Za-z0-9+/]\\s{0,20}){91}=)\\s{0,20}'
/** Origin, size, root, signatures. */
const NOTE = new RegExp(`(\\S{1,255})\\s{1,20}(\\d{1,16})\\s{1,20}(${ROOT})\\s{1,20}((?:${SIGNED})+)`, 'g')
const SIGNATURE = new RegExp(SIGNED, 'g')

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
function findNotes(text: string): string[] {
  return [...text.matchAll(NOTE)].map(([, origin, size, root = '', signatures = '']) => {
    const lines = [...signatures.matchAll(SIGNATURE)].map(([, name, value = '']) => `— ${name} ${whole(value)}\n`)
    return `${origin}\n${size}\n${whole(root)}\n\n${lines.join('')}`
  })
}

function whole(base64: string): string {
  return base64.replaceAll(/\s/g, '')
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
