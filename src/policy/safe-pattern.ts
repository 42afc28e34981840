/**
 * Says why a regular expression may not judge what people type, or null when it may.
 *
 * A pattern is refused when some text could make it backtrack for long: a repeated group that holds a
 * choice, or two repetitions that could match the same characters with nothing definite between them.
 * A few harmless patterns are refused too; the opposite mistake would let one message stop a replica.
 */
export function faultOfPattern(source: string): PatternFault | null {
  if (source.length > MAX_PATTERN) {
    return { message: `is ${source.length} characters long`, remedy: `Use at most ${MAX_PATTERN} characters` }
  }
  try {
    new RegExp(source, 'u')
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^.*\/u: /, '') : 'unreadable'
    return { message: `is not a regular expression: ${why}`, remedy: 'Correct it, or leave it out' }
  }
  try {
    const choices = { left: MAX_CHOICES }
    walk(readAlternatives({ text: source, at: 0 }), [], choices)
    return null
  } catch (error) {
    if (error instanceof Unsafe) return { message: error.message, remedy: REMEDY }
    throw error
  }
}

type Chars = ReadonlySet<number>
type Node =
  | { readonly kind: 'anchor' }
  | { readonly kind: 'chars'; readonly chars: Chars; readonly min: number; readonly max: number }
  | { readonly kind: 'group'; readonly alternatives: Node[][]; readonly min: number; readonly max: number }

/**
 * Walks a choice of sequences. `open` are the repetitions whose end is not settled yet: a further one that
 * could take the same characters makes the work grow with the square, or worse, of the text.
 * @returns what is open after it
 */
function walk(alternatives: Node[][], open: readonly Chars[], choices: { left: number }): Chars[] {
  choices.left /= alternatives.length
  if (choices.left < 1) throw new Unsafe('has too many alternatives')
  return alternatives.flatMap((nodes) => nodes.reduce<readonly Chars[]>((now, node) => step(node, now, choices), open))
}

function step(node: Node, open: readonly Chars[], choices: { left: number }): readonly Chars[] {
  if (node.kind === 'anchor') return open
  if (node.kind === 'chars') return settle(node, node.chars, open)
  if (node.max > 1) {
    if (node.alternatives.length > 1 || node.alternatives.flat().some(repeatsOrChooses)) {
      throw new Unsafe('repeats a group that itself repeats or chooses')
    }
    const chars = new Set(node.alternatives.flat().flatMap((inner) => [...charsOf(inner)]))
    return settle(node, chars, open)
  }
  const after = walk(node.alternatives, open, choices)
  return node.min === 0 ? [...open, ...after] : after
}

function settle(node: { min: number; max: number }, chars: Chars, open: readonly Chars[]): readonly Chars[] {
  if (node.min === node.max) return open.filter((before) => overlap(before, chars))
  if (open.some((before) => overlap(before, chars))) {
    throw new Unsafe('repeats the same characters twice with nothing definite between')
  }
  return [...open, chars]
}

function repeatsOrChooses(node: Node): boolean {
  if (node.kind === 'anchor') return false
  if (node.min !== node.max || node.max > 1) return true
  return node.kind === 'group' && (node.alternatives.length > 1 || node.alternatives.flat().some(repeatsOrChooses))
}

function charsOf(node: Node): Chars {
  if (node.kind === 'chars') return node.chars
  if (node.kind === 'anchor') return new Set()
  return new Set(node.alternatives.flat().flatMap((inner) => [...charsOf(inner)]))
}

function overlap(a: Chars, b: Chars): boolean {
  for (const code of a) if (b.has(code)) return true
  return false
}

/** The source is known to compile, so this need not check its form again. */
function readAlternatives(input: { text: string; at: number }): Node[][] {
  const alternatives: Node[][] = [[]]
  while (input.at < input.text.length && input.text[input.at] !== ')') {
    if (input.text[input.at] === '|') {
      alternatives.push([])
      input.at++
      continue
    }
    alternatives.at(-1)?.push(readNode(input))
  }
  return alternatives
}

function readNode(input: { text: string; at: number }): Node {
  const rest = input.text.slice(input.at)
  if (/^\((\?<?[=!])/.test(rest)) throw new Unsafe('looks ahead or behind')
  const opening = /^\((\?:|\?<[^>]*>)?/.exec(rest)
  if (opening !== null) {
    if (rest.startsWith('(?') && opening[1] === undefined) throw new Unsafe('changes its flags inside')
    input.at += opening[0].length
    const alternatives = readAlternatives(input)
    input.at++
    return { kind: 'group', alternatives, ...readQuantifier(input) }
  }
  const anchor = /^(\^|\$|\\b|\\B)/.exec(rest)
  if (anchor !== null) {
    input.at += anchor[0].length
    return { kind: 'anchor' }
  }
  if (/^\\([1-9]|k<)/.test(rest)) throw new Unsafe('refers back to an earlier part')
  const atom =
    /^(\\[pP]\{[^}]*\}|\\u\{[^}]*\}|\\u[0-9a-fA-F]{4}|\\x..|\\c.|\\.|\[(\\.|[^\]])*\]|.)/su.exec(rest)?.[0] ?? ''
  input.at += atom.length
  const matcher = new RegExp(`^${atom}$`, 'u')
  const chars = new Set(SAMPLE.filter((code) => matcher.test(String.fromCodePoint(code))))
  return { kind: 'chars', chars, ...readQuantifier(input) }
}

function readQuantifier(input: { text: string; at: number }): { min: number; max: number } {
  const found = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(input.text.slice(input.at))
  if (found === null) return { min: 1, max: 1 }
  input.at += found[0].length
  const [, sign, low, comma, high] = found
  if (sign === '*') return { min: 0, max: Number.POSITIVE_INFINITY }
  if (sign === '+') return { min: 1, max: Number.POSITIVE_INFINITY }
  if (sign === '?') return { min: 0, max: 1 }
  const min = Number(low)
  if (Math.max(min, Number(high)) > MAX_COUNT) throw new Unsafe(`counts beyond ${MAX_COUNT}`)
  if (comma === '') return { min, max: min }
  return { min, max: high === '' ? Number.POSITIVE_INFINITY : Number(high) }
}

const MAX_PATTERN = 200
const MAX_CHOICES = 64
const MAX_COUNT = 1000
const REMEDY = 'Write it without nested or neighbouring repetitions, such as [A-Z]{2,10}-[0-9]{1,7}'
/** Characters that stand for all: two atoms overlap when one of these is in both. */
const SAMPLE = [...Array(0x250).keys(), 0x2028, 0x3b1, 0x430, 0x5d0, 0x627, 0x3042, 0x4e00, 0xac00, 0x1f600]

class Unsafe extends Error {
  override name = 'Unsafe'
}

export interface PatternFault {
  readonly message: string
  readonly remedy: string
}
