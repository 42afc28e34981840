import { codePoint } from '../policy/fault.ts'

/** What is not seen but changes what is read: controls but the line feed, direction, zero widths, fillers, halves of pairs. */
const UNSEEN = /[\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u115F\u1160\u2800\u3164\uFFA0]|\u034F|\u17B4|\u17B5|(?!\n)\p{Cc}/gu

/** What somebody typed, with the names of unseen characters in their place: `U+202E`. */
export function shownText(text: string): string {
  return text.replace(UNSEEN, codePoint)
}

/** As HTML, wherever text or an attribute's value may stand. */
export function escapeHtml(text: string): string {
  return shownText(text).replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** JSON inside a script element, which must end at nothing that it holds. A piece of it may be escaped by itself. */
export function inScript(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
