/**
 * What is not seen but changes what is read: controls, bidi and zero-width characters, fillers, lone surrogates.
 * Line breaks stay; so does the joiner inside an emoji.
 */
const UNSEEN = /[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\u115F\u1160\u2800\u3164\uFFA0]|\u034F|\u17B4|\u17B5|(?!\n)\p{Cc}/gu

export interface Part {
  readonly text: string
  /** True for the name of a character, such as `U+202E`, that stands where the character stood. */
  readonly unseen: boolean
}

/** Cuts text into what is shown as it is and what must be made visible, so that a reader sees what was written. */
export function splitUnseen(text: string): Part[] {
  const parts: Part[] = []
  let from = 0
  for (const match of text.matchAll(UNSEEN)) {
    const joinsEmoji =
      match[0] === '\u200D' && /\p{Extended_Pictographic}[\uFE0F\p{Emoji_Modifier}]?$/u.test(text.slice(0, match.index))
    if (joinsEmoji && /^\p{Extended_Pictographic}/u.test(text.slice(match.index + 1))) continue
    if (match.index > from) parts.push({ text: text.slice(from, match.index), unseen: false })
    parts.push({ text: nameOf(match[0]), unseen: true })
    from = match.index + match[0].length
  }
  if (from < text.length) parts.push({ text: text.slice(from), unseen: false })
  return parts
}

/** The same as one string, for places that know no styles. */
export function showUnseen(text: string): string {
  return splitUnseen(text)
    .map((part) => part.text)
    .join('')
}

function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}
