/** Base64 of so many characters before its one `=`, however it was broken. */
const ROOT = '(?:[A-Za-z0-9+/]\\s{0,20}){43}='
const SIGNED = '[—–-]{1,2}\\s{1,20}(\\S{1,255})\\s{1,20}((?:[A-Za-z0-9+/]\\s{0,20}){91}=)\\s{0,20}'
/** Origin, size, root, signatures. */
const NOTE = new RegExp(`(\\S{1,255})\\s{1,20}(\\d{1,16})\\s{1,20}(${ROOT})\\s{1,20}((?:${SIGNED})+)`, 'g')
const SIGNATURE = new RegExp(SIGNED, 'g')

/**
 * Every signed note in a text that was copied by hand, such as a whole message from chat, as C2SP writes it. Breaks that were
 * lost or added change nothing: a signature fits the exact text alone.
 */
export function findNotes(text: string): string[] {
  return [...text.matchAll(NOTE)].map(([, origin, size, root = '', signatures = '']) => {
    const lines = [...signatures.matchAll(SIGNATURE)].map(([, name, value = '']) => `— ${name} ${whole(value)}\n`)
    return `${origin}\n${size}\n${whole(root)}\n\n${lines.join('')}`
  })
}

function whole(base64: string): string {
  return base64.replaceAll(/\s/g, '')
}
