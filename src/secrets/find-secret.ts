import { lintSource } from '@secretlint/core'
import { creator } from '@secretlint/secretlint-rule-preset-recommend'
import { redactText } from '../telemetry/redact.ts'

/**
 * Whether a text looks as if it held a secret: tokens and keys in the forms of known vendors (secretlint's own rules), private
 * keys, bearer and chat tokens, `password=…`, and long words that nobody would think up. A wrong yes costs a line that is not
 * kept, a wrong no a secret that is: where both are possible it is a yes.
 * @returns which kind, in a word of ours or of the rule that found it; null for none
 */
export async function findSecret(text: string): Promise<string | null> {
  const seen = asSeen(text)
  return (await findIn(text)) ?? (seen === text ? null : await findIn(seen))
}

/** As somebody reads it: a sign that is not seen, which some clients put in, or a wide letter, hides nothing. */
function asSeen(text: string): string {
  return text.normalize('NFKC').replaceAll(/\p{Cf}/gu, '')
}

async function findIn(text: string): Promise<string | null> {
  const own = OWN_RULES.find(({ pattern }) => pattern.test(text))?.kind
  if (own !== undefined) return own
  if (redactText(text) !== text) return 'password'
  const [found] = await lint(text)
  if (found !== undefined) return found.ruleId.replace(/^.*secretlint-rule-/, '')
  return wordsOf(text).some(isRandom) ? 'random' : null
}

/**
 * What a machine said, such as a target that refuses, without what looks like a secret in it. The rest stays, because
 * somebody has to find out what went wrong. Never fails, since revocations and alarms wait for it: what cannot be looked
 * at is withheld.
 */
export async function withholdSecrets(text: string): Promise<string> {
  return await withoutSecrets(text).catch(() => WITHHELD)
}

async function withoutSecrets(text: string): Promise<string> {
  let rest = OWN_RULES.reduce(
    (left, { pattern }) => left.replaceAll(new RegExp(pattern, `${pattern.flags}g`), WITHHELD),
    redactText(text),
  )
  // From the end: what is replaced moves nothing that is still to be replaced.
  for (const { range } of (await lint(rest)).toSorted((a, b) => b.range[0] - a.range[0])) {
    rest = rest.slice(0, range[0]) + WITHHELD + rest.slice(range[1])
  }
  for (const word of wordsOf(rest).filter(isRandom)) rest = rest.replaceAll(word, WITHHELD)
  return (await findSecret(rest)) === null ? rest : WITHHELD
}

const WITHHELD = '[withheld]'

async function lint(text: string) {
  const source = { content: text, filePath: '/message.txt', ext: '.txt', contentType: 'text' } as const
  return (await lintSource({ source, options: { config: CONFIG, maskSecrets: true } })).messages
}

const CONFIG = { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }] }

const OWN_RULES = [
  { kind: 'privatekey', pattern: /-----BEGIN [A-Z0-9 ]*PRIVATE KEY/ },
  { kind: 'aws', pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/ },
  { kind: 'jwt', pattern: /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/ },
  {
    kind: 'password',
    pattern:
      /\b(?:password|passwd|passwort|pass|pwd|pw|kennwort|passphrase|secret|token|api[ _-]?key)["'`*]*\s*=\s*\S{4,}/i,
  },
  // After a colon people write words, too: `password: the old one`. A secret has no end of them, but has digits or signs.
  {
    kind: 'password',
    pattern:
      /(?:\b(?:password|passwd|passwort|pass|pwd|pw|kennwort|passphrase|mot de passe|clave|secret|token|api[ _-]?key)|contrase\u00f1a)["'`*]*\s*(?::|[-=]>|ist?\b)\s*["'`*]*(?=\S*[\d!$%^&*+?#])\S{6,}/i,
  },
  { kind: 'password', pattern: /\b(?:password|identified\s+by)\s+e?'[^'\s]{4,}/i },
  { kind: 'password', pattern: /\b(?:curl\b[^\n]{0,200}\s-u\s*[^\s:]+:|mysql\w*\b[^\n]{0,200}\s-p)\S{4,}/i },
]

/** What stands between blanks and quotes. Addresses of pages are full of ids that open nothing. */
function wordsOf(text: string): string[] {
  return text.replaceAll(/https?:\/\/[^\s>|]+/g, ' ').match(/[\w+/=~.-]{20,}/g) ?? []
}

const LEAST_CHARACTERS = 18
const LEAST_BITS = 3.6

/** Capital and small letters and digits all mixed, few of them twice: a hash in hex, a path, a name of a class is not. */
function isRandom(word: string): boolean {
  const unlikeWords = word.replaceAll(/[^A-Za-z0-9]/g, '').replaceAll(/[A-Z]?[a-z]{4,}/g, '')
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(unlikeWords)).length
  return kinds === 3 && unlikeWords.length >= LEAST_CHARACTERS && bitsPerCharacter(unlikeWords) >= LEAST_BITS
}

/** Shannon's, over the characters of the word itself. */
function bitsPerCharacter(word: string): number {
  const counts = new Map<string, number>()
  for (const one of word) counts.set(one, (counts.get(one) ?? 0) + 1)
  return [...counts.values()].reduce((bits, count) => bits - (count / word.length) * Math.log2(count / word.length), 0)
}
