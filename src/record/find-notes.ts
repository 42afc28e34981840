import { parseCheckpoint, parseNote, Refused } from './verify.ts'

/** Base64 of so many characters before its one `=`, however it was broken. */
const ROOT = '(?:[A-Za-z0-9+/]\\s{0,20}){43}='
const SIGNED = '[—–-]{1,2}\\s{1,20}(\\S{1,255})\\s{1,20}((?:[A-Za-z0-9+/]\\s{0,20}){91}=)\\s{0,20}'
/** Origin, size, root, signatures. */
const NOTE = new RegExp(`(\\S{1,255})\\s{1,20}(\\d{1,16})\\s{1,20}(${ROOT})\\s{1,20}((?:${SIGNED})+)`, 'g')
const SIGNATURE = new RegExp(SIGNED, 'g')

/**
 * Every signed note in a text that was copied by hand, such as a whole message from chat, as C2SP writes it. Breaks that were
 * lost or added change nothing: a signature fits the exact text alone. A note that is whole stays as it is: others may have signed it
 * too, in other forms.
 */
export function findNotes(text: string): string[] {
  if (isNote(text)) return [text]
  return [...text.matchAll(NOTE)].map(([, origin, size, root = '', signatures = '']) => {
    const lines = [...signatures.matchAll(SIGNATURE)].map(([, name, value = '']) => `— ${name} ${whole(value)}\n`)
    return `${origin}\n${size}\n${whole(root)}\n\n${lines.join('')}`
  })
}

function isNote(text: string): boolean {
  try {
    parseCheckpoint(parseNote(text).text)
    return true
  } catch (error) {
    if (error instanceof Refused) return false
    throw error
  }
}

function whole(base64: string): string {
  return base64.replaceAll(/\s/g, '')
}
