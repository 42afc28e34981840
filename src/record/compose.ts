import { randomBytes } from 'node:crypto'
import { macOf } from './event-mac.ts'
import type { MacKeys } from './mac-keys.ts'
import type { RecordedEvent } from './recorded-event.ts'
import { canonicalJson, leafHash, MAX_BODY_BYTES, SALT_BYTES, saltedHash } from './verify.ts'

/** Makes the events of drafts, each naming the one before. Random only in the salts. @throws BodyTooLarge */
export function composeEvents(keys: RecordKeys, after: StreamPlace, drafts: readonly Draft[], at: number): NewEvent[] {
  const events: NewEvent[] = []
  let prev: StreamPlace = after
  for (const draft of drafts) {
    const composed = composeEvent(keys, prev, draft, at)
    events.push(composed)
    prev = composed.event
  }
  return events
}

function composeEvent(keys: RecordKeys, prev: StreamPlace, draft: Draft, at: number): NewEvent {
  const { type, v = 1 } = draft
  const seq = prev.seq + 1
  const cleaned: string[] = []
  const data = clean(draft.data, 'data', cleaned) as Record<string, unknown>
  const texts: Record<string, string> = {}
  const privateTexts: NewEvent['privateTexts'] = []
  for (const [path, given] of Object.entries(draft.private ?? {})) {
    const text = clean(given, `data/${path}`, cleaned) as string
    const salt = randomBytes(SALT_BYTES)
    data[path] = { salted: saltedHash(salt.toString('hex'), text) }
    texts[path] = text
    privateTexts.push({ path, salt, sealed: keys.seal(text) })
  }
  // The last event of a stream says how many there are, itself included.
  if (type === 'closed') data.count = seq
  const body = canonicalJson({
    at,
    data,
    prev: prev.hash,
    seq,
    stream: prev.stream,
    type,
    v,
    ...(cleaned.length > 0 && { cleaned }),
  })
  const bytes = Buffer.byteLength(body)
  if (bytes > MAX_BODY_BYTES) {
    throw new BodyTooLarge(`${type} in ${prev.stream} takes ${bytes} bytes; an event may take ${MAX_BODY_BYTES}`)
  }
  const leaf = leafHash(body)
  return {
    event: {
      ...{ stream: prev.stream, seq, type, v, at, prev: prev.hash, data, texts, body },
      hash: leaf.toString('hex'),
      leafIndex: null,
    },
    mac: macOf(keys.macKey, leaf).toString('hex'),
    privateTexts,
  }
}

/** Under which an event may be. */
export function acceptedKeys({ macKey, macKeys }: Pick<RecordKeys, 'macKey' | 'macKeys'>): MacKeys {
  return macKeys?.() ?? macKey
}

/** NUL and lone surrogates cannot be stored as JSON: the act would be lost. They are replaced, and that is recorded. */
function clean(value: unknown, path: string, cleaned: string[]): unknown {
  if (typeof value === 'string') {
    if (value.isWellFormed() && !value.includes('\0')) return value
    cleaned.push(path)
    return value.toWellFormed().replaceAll('\0', '\ufffd')
  }
  if (Array.isArray(value)) return value.map((item, place) => clean(item, `${path}/${place}`, cleaned))
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const place = `${path}/${clean(name, path, cleaned)}`
      return [place.slice(path.length + 1), clean(member, place, cleaned)]
    }),
  )
}

/** An event that is not yet on the record. */
export interface Draft {
  readonly type: string
  /** Version of the shape of `data`; 1 when not given. */
  readonly v?: number
  readonly data: Readonly<Record<string, unknown>>
  /** Personal or free texts, by the member of `data` where their salted hash goes. They may be erased later. */
  readonly private?: Readonly<Record<string, string>>
}

/** The last event of a stream: sequence 0 and no hash before the first. */
export interface StreamPlace {
  readonly stream: string
  readonly seq: number
  /** Leaf hash, hex. */
  readonly hash: string | null
}

export interface NewEvent {
  readonly event: RecordedEvent
  /** Hex. */
  readonly mac: string
  readonly privateTexts: { path: string; salt: Buffer; sealed: Buffer }[]
}

export interface RecordKeys {
  /** To write with. */
  readonly macKey: Buffer
  /** To read with, where there are several. */
  readonly macKeys?: () => MacKeys
  /** Encrypts a private text for the side table. */
  seal(text: string): Buffer
  /** @throws when it was not sealed by us */
  open(sealed: Buffer): string
}

export class BodyTooLarge extends Error {
  readonly code = 'BODY_TOO_LARGE'
  override name = 'BodyTooLarge'
}
