import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util'
import { didYouMean } from '../policy/did-you-mean.ts'
import { quote } from '../policy/fault.ts'

/** The form of a command's arguments. */
export interface Form {
  /** `policy check` */
  readonly name: string
  /** Words after the name, as help shows them: `<file>`. One in brackets may be left out. */
  readonly words: readonly string[]
  readonly flags: Readonly<Record<string, Flag>>
}

/** `value` is how help shows it: `--as <person>`; without one the flag is on or off. */
export interface Flag {
  readonly value?: string
  readonly required?: string
  readonly repeats?: true
}

/** What stood on the command line. */
export interface Arguments {
  /** The word at a place after the command's name; empty when it was left out. */
  word(place: number): string
  isOn(flag: string): boolean
  /** Empty when it was not given. */
  value(flag: string): string
  values(flag: string): readonly string[]
}

/** @throws UsageWrong which names what stood there and what to write */
export function readArguments(form: Form, argv: readonly string[]): Arguments {
  const options = Object.fromEntries(
    Object.entries(form.flags).map(([name, { value }]): [string, ParseArgsOptionDescriptor] => [
      name,
      { type: value === undefined ? 'boolean' : 'string' },
    ]),
  )
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true })
  const words: string[] = []
  const given = new Map<string, string[]>()
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const flag = Object.hasOwn(form.flags, token.name) ? form.flags[token.name] : undefined
    if (flag === undefined) throw unknownFlag(form, token.rawName)
    const before = given.get(token.name) ?? []
    if (before.length > 0 && flag.repeats === undefined) throw wrong(form, `${token.rawName} is given twice`)
    given.set(token.name, [...before, textOf(form, flag, token)])
  }
  const surplus = words[form.words.length]
  if (surplus !== undefined) throw wrong(form, `${quote(surplus)} is one word too many`)
  const missing = form.words.slice(words.length).find((word) => !word.startsWith('['))
  if (missing !== undefined) throw wrong(form, `${form.name} needs ${missing}`)
  for (const [name, { value, required }] of Object.entries(form.flags)) {
    if (required !== undefined && !given.has(name))
      throw wrong(form, `${form.name} needs --${name} ${value}: ${required}`)
  }
  return {
    word: (place) => words[place] ?? '',
    isOn: (flag) => given.has(flag),
    value: (flag) => given.get(flag)?.[0] ?? '',
    values: (flag) => given.get(flag) ?? [],
  }
}

/** How the command is written, on one line. */
export function usageOf({ name, words, flags }: Form): string {
  const shown = Object.entries(flags).map(([flag, { value, required, repeats }]) => {
    const text = `${value === undefined ? `--${flag}` : `--${flag} ${value}`}${repeats ? ' …' : ''}`
    return required === undefined ? `[${text}]` : text
  })
  return [name, ...words, ...shown].join(' ')
}

function textOf(
  form: Form,
  flag: Flag,
  token: { rawName: string; value: string | undefined; inlineValue?: boolean | undefined },
): string {
  const { rawName, value, inlineValue } = token
  if (flag.value === undefined) {
    if (value !== undefined) throw wrong(form, `${rawName} takes no value; it was given ${quote(value)}`)
    return ''
  }
  // What looks like the next flag is one, unless it was tied to this one.
  const looksLikeFlag = value?.startsWith('-') === true && inlineValue !== true
  if (value === undefined || value.trim() === '' || looksLikeFlag) {
    throw wrong(form, `${rawName} needs a value, ${flag.value}`)
  }
  return value
}

function unknownFlag(form: Form, rawName: string): UsageWrong {
  const known = Object.keys(form.flags).map((name) => `--${name}`)
  const otherwise = known.length === 0 ? 'It takes no flags.' : `It takes ${known.join(', ')}.`
  return wrong(form, `${form.name} has no flag ${quote(rawName)}. ${didYouMean(rawName, known, otherwise)}`)
}

function wrong(form: Form, message: string): UsageWrong {
  const end = /[.?]$/.test(message) ? '' : '.'
  return new UsageWrong(`${message}${end}\nWrite: npm run -s countersign -- ${usageOf(form)}`)
}

/** What stands on the command line cannot be done; the message says what to write. */
export class UsageWrong extends Error {
  readonly code = 'USAGE_WRONG'
  override name = 'UsageWrong'
}
