import { codePoint } from './fault.ts'

/** Characters that change how a line reads without being seen: bidi controls, zero width, controls, lone surrogates. */
export const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

/** What is wrong with words that people read on one line; null when they are good. YAML escapes are seen through. */
export function faultOfSentence(text: string, maxLength = 200): NameFault | null {
  const hidden = INVISIBLE.exec(text)
  if (hidden !== null) {
    const message = `holds ${codePoint(hidden[0])}, a line break or an invisible character`
    return { message, remedy: 'Type it again by hand, on one line' }
  }
  if (text.trim() !== text || text === '')
    return { message: 'is empty or padded with spaces', remedy: 'Write the words alone' }
  if (text.length > maxLength) return { message: 'is too long', remedy: `Use at most ${maxLength} characters` }
  return null
}

/** What is wrong with the name of a person, in any script; null when it is good. */
export function faultOfPersonName(name: string): NameFault | null {
  const fault = faultOfSentence(name, 100)
  if (fault !== null) return fault
  const scripts = ALIKE_SCRIPTS.filter(({ letters }) => letters.test(name)).map(({ script }) => script)
  if (scripts.length > 1) {
    return { message: `mixes ${scripts.join(' and ')} letters that look alike`, remedy: 'Write it in one script' }
  }
  return null
}

/** What is wrong with an id, a target, a group or an entitlement: these are typed in chat and compared by machines. */
export function faultOfKey(key: string, form: KeyForm): NameFault | null {
  const foreign = /[^\x20-\x7e]/u.exec(key)
  if (foreign !== null) {
    const shown = INVISIBLE.test(foreign[0]) ? '' : ` (${foreign[0]})`
    return {
      message: `holds ${codePoint(foreign[0])}${shown}, which can be taken for another character`,
      remedy: `Use ${form.words}`,
    }
  }
  return new RegExp(form.pattern).test(key) ? null : { message: 'is not a name', remedy: `Use ${form.words}` }
}

/** Two names with the same skeleton look the same to a person. */
export function skeletonOf(name: string): string {
  const folded = name.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ')
  return [...folded].map((char) => LOOK_ALIKES.get(char) ?? char).join('')
}

export interface KeyForm {
  readonly pattern: string
  readonly words: string
}

export const PERSON_ID: KeyForm = {
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  words: 'an id such as E1001: letters a–z, digits, dot, dash, underscore; at most 64',
}

export const TYPED_NAME: KeyForm = {
  pattern: '^[a-z][a-z0-9._-]{0,62}$',
  words: 'a name such as prod-db: small letters a–z first, then letters, digits, dot, dash, underscore; at most 63',
}

export interface NameFault {
  readonly message: string
  readonly remedy: string
}

const ALIKE_SCRIPTS = [
  { script: 'Latin', letters: /\p{Script=Latin}/u },
  { script: 'Cyrillic', letters: /\p{Script=Cyrillic}/u },
  { script: 'Greek', letters: /\p{Script=Greek}/u },
  { script: 'Armenian', letters: /\p{Script=Armenian}/u },
  { script: 'Cherokee', letters: /\p{Script=Cherokee}/u },
]

/** Lower-case letters of other scripts that are drawn like Latin ones. */
const LOOK_ALIKES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ а: 'a', в: 'b', е: 'e', ё: 'ë', з: '3', и: 'u', і: 'i', ї: 'ï', ј: 'j', к: 'k', м: 'm', н: 'h', о: 'o' },
    ...{ р: 'p', с: 'c', ѕ: 's', т: 't', у: 'y', х: 'x', ь: 'b', ԁ: 'd', ԛ: 'q', ԝ: 'w' },
    ...{ α: 'a', β: 'b', ε: 'e', ι: 'i', κ: 'k', ν: 'v', ο: 'o', ρ: 'p', τ: 't', υ: 'u', χ: 'x' },
  }),
)
