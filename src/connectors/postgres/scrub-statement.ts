import { redactText } from '../../telemetry/redact.ts'

/**
 * A statement without what looks like a secret, and what it is made of. A statement that speaks of passwords, tokens or
 * the like loses every literal and comment; any other only the literals that look like a secret by themselves. Takes
 * out too much rather than too little: which verbs and objects there were always stays.
 */
export function scrubStatement(sql: string, isSensitive = speaksOfSecrets(sql)): Scrubbed {
  return scrub(sql, isSensitive, 0)
}

/** Bodies inside of bodies are read so far, and what is deeper is taken out: each would be gone through once for each around it. */
const MOST_NESTED = 4

function scrub(sql: string, isSensitive: boolean, depth: number): Scrubbed {
  const commands: string[] = []
  let text = ''
  let scrubbed = 0
  let words: string[] = []
  const endStatement = () => {
    if (words.length > 0) commands.push(commandOf(words))
    words = []
  }
  for (const { kind, raw } of tokensOf(sql)) {
    if (kind === 'end') endStatement()
    if (kind === 'word' && words.length < 6) words.push(raw.toUpperCase())
    if (kind === 'body' && depth < MOST_NESTED) {
      const body = bodyOf(raw)
      const inside = scrub(body, isSensitive || speaksOfSecrets(body), depth + 1)
      const tag = raw.slice(0, raw.indexOf('$', 1) + 1)
      scrubbed += inside.scrubbed
      text += `${tag}${inside.text}${tag}`
    } else if (
      kind === 'body' ||
      (kind === 'literal' && (isSensitive || looksSecret(raw))) ||
      (kind === 'comment' && (isSensitive || SENSITIVE.test(raw)))
    ) {
      scrubbed += 1
      text += kind === 'comment' ? `/* ${SCRUBBED} */` : `'${SCRUBBED}'`
    } else text += raw
  }
  endStatement()
  const rest = redactText(text)
  return { text: rest, scrubbed: scrubbed + (rest === text ? 0 : 1), commands, isSensitive }
}

export function speaksOfSecrets(sql: string): boolean {
  let words = ''
  for (const { kind, raw } of tokensOf(sql)) words += kind === 'comment' ? ' ' : raw
  // A statement inside of a literal has comments of its own; what only looks like one hides nothing.
  return SENSITIVE.test(words) || SENSITIVE.test(words.replace(COMMENT, ' '))
}

const SCRUBBED = '[scrubbed]'

/**
 * Roles, user mappings, subscriptions and servers carry passwords, settings of an application its tokens, a program what
 * it is called with; the rest says by its words that it may.
 */
const SENSITIVE =
  /\b(?:create|alter)\s+(?:role|user|group|subscription|server|foreign)\b|\bset\s+(?:(?:session|local)\s+)?["\w$\u0080-\uffff]+\s*\.|set_config\s*\(|\bprogram\s*(?:e?'|u&'|\$)|passw|passphrase|\bpwd|secret|token|credential|api_?key|private_?key|dblink|conninfo|crypt\s*\(|pgp_sym|hmac\s*\(|scram/i
const COMMENT = /--[^\n\r]*|\/\*[\s\S]*?\*\//g

function* tokensOf(sql: string): Generator<Token> {
  /** The word right before, with nothing but spaces and comments between. */
  let last = ''
  for (let at = 0; at < sql.length; ) {
    TOKEN.lastIndex = at
    const found = TOKEN.exec(sql)
    let raw = found?.[0] ?? sql.slice(at, at + 1)
    let kind: Token['kind'] = 'other'
    if (raw === '/*') {
      raw = sql.slice(at, endOfComment(sql, at))
      kind = 'comment'
    } else if (raw.startsWith('--')) kind = 'comment'
    else if (/^(?:[eE]?'|[bBxX]')/.test(raw)) kind = 'literal'
    else if (/^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$$/.test(raw)) {
      const end = sql.indexOf(raw, at + raw.length)
      raw = end === -1 ? sql.slice(at) : sql.slice(at, end + raw.length)
      kind = BEFORE_A_BODY.test(last) ? 'body' : 'literal'
    } else if (raw === ';') kind = 'end'
    else if (/^[A-Za-z_\u0080-\uffff]/.test(raw)) {
      kind = 'word'
    }
    if (kind === 'word') last = raw
    else if (kind !== 'comment' && raw.trim() !== '') last = ''
    yield { kind, raw }
    at += raw.length
  }
}

/** A literal goes on after an end of line, and one with escapes has them there too. A comment ends at either sign of an end. */
const TOKEN =
  /--[^\n\r]*|\/\*|[eE]'(?:[^'\\]|\\[\s\S]|''|'[^\S\n\r]*(?:--[^\n\r]*)?[\n\r](?:\s|--[^\n\r]*[\n\r])*')*'?|[bBxX]?'(?:[^']|'')*'?|"(?:[^"]|"")*"?|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|;|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d+|\s+|[\s\S]/y

/** What stands before the text of a function or a block, which is read like a statement. */
const BEFORE_A_BODY = /^(?:do|as|plpgsql|sql)$/i

/** Comments nest. */
function endOfComment(sql: string, from: number): number {
  let depth = 0
  for (let at = from; at < sql.length; at++) {
    const two = sql.slice(at, at + 2)
    if (two === '/*') depth += 1
    else if (two === '*/') depth -= 1
    else continue
    at += 1
    if (depth === 0) return at + 1
  }
  return sql.length
}

function bodyOf(raw: string): string {
  const tag = raw.slice(0, raw.indexOf('$', 1) + 1)
  const inside = raw.slice(tag.length)
  return inside.endsWith(tag) ? inside.slice(0, -tag.length) : inside
}

/** A long word of mixed signs, a hash, or a known form of token. Dates, UUIDs and words in plain language are not. */
export function looksSecret(literal: string): boolean {
  return redactText(literal) !== literal || KNOWN.test(literal) || (literal.match(LONG_WORD) ?? []).some(isMixed)
}

const KNOWN =
  /\beyJ[\w-]{10,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bgh[oprsu]_\w{20,}|\bglpat-|\bsk-[\w-]{16,}|-----BEGIN|\bSCRAM-SHA-256\$|\bmd5[0-9a-f]{32}\b|\$2[aby]\$\d\d\$/
const LONG_WORD = /[\w+/=~.-]{20,}/g
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function isMixed(word: string): boolean {
  if (UUID.test(word)) return false
  if (/^[0-9a-f]{32,}$/i.test(word) && /\d/.test(word) && /[a-f]/i.test(word)) return true
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(word)).length
  return kinds === 3 || (kinds === 2 && word.length >= 32 && /\d/.test(word) && !/[-./].*[-./].*[-./]/.test(word))
}

/** `select` → `SELECT`, `alter table` → `ALTER TABLE`. Only words of these lists: a statement's own words stay private. */
function commandOf([first = '', ...rest]: readonly string[]): string {
  if (ALONE.has(first)) return first
  if (!WITH_OBJECT.has(first)) return 'OTHER'
  const after = rest[0] === 'OR' ? rest.slice(2) : rest
  const object = after.slice(0, 3).find((word) => OBJECTS.has(word))
  return object === undefined ? first : `${first} ${object}`
}

const ALONE = new Set(
  'SELECT INSERT UPDATE DELETE MERGE WITH VALUES TABLE COPY CALL DO EXECUTE PREPARE DEALLOCATE DECLARE FETCH MOVE CLOSE BEGIN START COMMIT END ROLLBACK ABORT SAVEPOINT RELEASE SET RESET SHOW EXPLAIN ANALYZE VACUUM TRUNCATE LOCK GRANT REVOKE LISTEN NOTIFY UNLISTEN DISCARD CLUSTER REINDEX CHECKPOINT LOAD REFRESH COMMENT REASSIGN IMPORT SECURITY'.split(
    ' ',
  ),
)
const WITH_OBJECT = new Set(['CREATE', 'ALTER', 'DROP'])
const OBJECTS = new Set(
  'TABLE VIEW INDEX SEQUENCE FUNCTION PROCEDURE ROUTINE AGGREGATE TRIGGER RULE POLICY TYPE DOMAIN SCHEMA DATABASE ROLE USER GROUP EXTENSION SERVER PUBLICATION SUBSCRIPTION LANGUAGE OPERATOR CAST COLLATION STATISTICS TABLESPACE SYSTEM'.split(
    ' ',
  ),
)

interface Token {
  readonly kind: 'word' | 'literal' | 'body' | 'comment' | 'end' | 'other'
  readonly raw: string
}

export interface Scrubbed {
  readonly text: string
  /** How many literals and comments are not in it. */
  readonly scrubbed: number
  /** One for each statement. */
  readonly commands: readonly string[]
  readonly isSensitive: boolean
}
