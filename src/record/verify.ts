/**
 * The whole offline verifier of evidence. It imports nothing but node:crypto, so that an auditor can read it in one
 * sitting and run it without us. Formats: RFC 6962 (tree), RFC 8785 (canonical JSON), C2SP signed-note and
 * tlog-checkpoint, and `countersign-evidence/1`. Forgers aim at parsers: whatever is not exactly in form is refused.
 * The rest of `record/` writes with the same functions, so that what is written is what is verified.
 */
import { createPublicKey, hash, type KeyObject, verify as verifySignature } from 'node:crypto'

export const EVIDENCE_FORMAT = 'countersign-evidence/1'
export const MAX_BODY_BYTES = 60 * 1024
export const SALT_BYTES = 16

/** @param given the evidence file, best as its bytes. @param options.vkey the log's key, from elsewhere than the file: without it the verdict is at best `unanchored`. @param options.earlier checkpoints that the auditor kept, to be found consistent */
export function verifyEvidence(given: string | Uint8Array, options: VerifyOptions = {}): Verdict {
  const reasons: Reason[] = []
  const attempt = <T>(where: string, step: () => T): T | null => {
    try {
      return step()
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      reasons.push({ code: error.code, where, message: error.message })
      return null
    }
  }

  const file = attempt('file', () => parseEvidence(decodeText(given)))
  const opened = file && attempt('checkpoint', () => openCheckpoint(file, options.vkey))
  if (!file || !opened) return refused(reasons)
  const { checkpoint, keys } = opened

  const events: ProvedEvent[] = []
  file.events.forEach((item, place) => {
    const where = `events[${place}]`
    attempt(where, () => {
      const previous = file.events[place - 1]
      if (previous && previous.leafIndex >= item.leafIndex)
        refuse('order', 'events are listed by rising leaf index, each once')
      const body = parseBody(item.body)
      const leaf = leafHash(item.body)
      if (file.tree === null) {
        const root = rootFromInclusion(leaf, item.leafIndex, checkpoint.size, item.proof)
        if (!root?.equals(checkpoint.root))
          refuse('proof-wrong', `leaf ${item.leafIndex} is not proved to be under the checkpoint`)
      } else if (item.proof.length > 0)
        refuse('tree-wrong', 'the tree proves every event: no other proof may stand here')
      events.push({ ...body, leafIndex: item.leafIndex, hash: leaf.toString('hex') })
    })
  })
  const isListed = events.length === file.events.length
  const singles = attempt('singles', () => checkSingles(file, events, checkpoint)) ?? []
  const row = file.tree !== null && isListed ? attempt('tree', () => layRow(file.tree ?? [], events, checkpoint)) : null
  const population = row && attempt('population', () => checkPopulation(file.population, row, events))
  const streams = attempt('events', () => followChains(events)) ?? []
  attempt('reveals', () => checkReveals(file.reveals, events))
  attempt('policies', () => checkPolicies(file.policies, events))
  attempt('passkeys', () => checkPasskeys(events))
  attempt('handOvers', () => checkHandOvers(file, checkpoint))
  const limits = attempt('consistency', () => checkConsistency(file, checkpoint, keys, options)) ?? []
  if (reasons.length > 0) return refused(reasons)

  limits.push(...events.filter(startsLog).map(limitOfStart))
  limits.push(...file.unproved.map((name) => `the field ${name} is not covered by any proof`))
  const isWhole = (population?.doubts ?? []).length === 0
  return {
    verdict: options.vkey === undefined ? 'unanchored' : isWhole ? 'verified' : 'incomplete',
    reasons,
    origin: file.origin,
    checkpoint: { size: checkpoint.size, root: checkpoint.root.toString('base64') },
    streams,
    events,
    singles,
    reveals: file.reveals.map(({ leafIndex, path, value }) => ({ leafIndex, path, value })),
    policies: file.policies,
    population,
    limits,
  }
}

function openCheckpoint(file: Evidence, anchor: string | undefined): { checkpoint: Checkpoint; keys: KeySpan[] } {
  const anchorKey = parseVkey(anchor ?? file.verifierKey)
  const keys =
    file.handOvers.length === 0
      ? [{ ...{ vkey: file.verifierKey, key: anchorKey }, from: 0, upTo: null }]
      : followHandOvers(file.origin, file.handOvers)
  const last = keys.at(-1)
  if (last?.vkey !== file.verifierKey) refuse('hand-over-wrong', 'they do not lead to the key that the file names')
  if (anchor !== undefined && !keys.some(({ vkey }) => vkey === anchor)) {
    refuse('key-differs', `the file names the key ${file.verifierKey}, not the one that was given`)
  }
  const checkpoint = parseCheckpoint(openNote(file.checkpoint, [last.key]).text)
  if (checkpoint.origin !== file.origin || last.key.name !== file.origin) {
    refuse('origin-differs', `file ${file.origin}, checkpoint ${checkpoint.origin}, key ${last.key.name}: must be one`)
  }
  return { checkpoint, keys }
}

/** What the keys before this one vouched for is still there. */
function checkHandOvers(file: Evidence, now: Checkpoint): void {
  for (const { checkpoint, consistency } of file.handOvers) {
    const then = parseCheckpoint(parseNote(checkpoint).text)
    if (!isConsistent(then, now, consistency)) {
      refuse('hand-over-wrong', `not proved to continue the hand-over of size ${then.size}`)
    }
  }
}

/** Events of other streams, each proved by itself: what came before and after it in its stream, nothing here says. */
function checkSingles(file: Evidence, events: readonly ProvedEvent[], { size, root }: Checkpoint): ProvedEvent[] {
  if (file.singles.length > 0 && file.tree !== null) refuse('single-wrong', 'beside a tree none can stand')
  const own = new Set(events.map(({ stream }) => stream))
  return file.singles.map(({ leafIndex, body: text, proof }, place) => {
    const where = `leaf ${leafIndex}`
    const previous = file.singles[place - 1]
    if (previous && previous.leafIndex >= leafIndex)
      refuse('order', 'singles are listed by rising leaf index, each once')
    const body = parseBody(text)
    const leaf = leafHash(text)
    if (!rootFromInclusion(leaf, leafIndex, size, proof)?.equals(root)) {
      refuse('proof-wrong', `${where} is not proved to be under the checkpoint`)
    }
    if (own.has(body.stream)) refuse('single-wrong', `${where} is of a stream that the file has whole`)
    if (claimsPasskey(body)) refuse('single-wrong', `${where} claims a passkey, which cannot be checked alone`)
    return { ...body, leafIndex, hash: leaf.toString('hex') }
  })
}

/** Every stream starts at 1, each event names the hash of the one before, and nothing follows `closed`. */
function followChains(events: readonly ProvedEvent[]): StreamExtent[] {
  const last = new Map<string, ProvedEvent>()
  for (const event of events) {
    const before = last.get(event.stream)
    const where = `${event.stream} #${event.seq}`
    if (event.seq !== (before?.seq ?? 0) + 1) refuse('chain-broken', `${where} follows #${before?.seq ?? 0}`)
    if (event.prev !== (before?.hash ?? null)) refuse('chain-broken', `${where} does not name the event before it`)
    if (before?.type === 'closed') refuse('closed-wrong', `${where} comes after the end of its stream`)
    if (event.type === 'closed' && event.data.count !== event.seq) {
      refuse('closed-wrong', `${where} closes a stream of ${event.seq} events and counts ${inWords(event.data.count)}`)
    }
    last.set(event.stream, event)
  }
  return [...last.values()].map(({ stream, seq, type, leafIndex }) => ({
    stream,
    events: seq,
    whole: type === 'closed',
    statement:
      type === 'closed'
        ? `complete: ${seq} events, closed`
        : `complete up to leaf ${leafIndex}; later events not provable from this file`,
  }))
}

/** A revealed text must be the one whose salted hash stands in the proved body. */
function checkReveals(reveals: Evidence['reveals'], events: readonly ProvedEvent[]): void {
  const seen = new Set<string>()
  const byLeaf = new Map(events.map((event) => [event.leafIndex, event]))
  for (const { leafIndex, path, salt, value } of reveals) {
    const where = `leaf ${leafIndex}, ${path}`
    if (seen.size === seen.add(`${leafIndex} ${path}`).size) refuse('reveal-wrong', `${where} is revealed twice`)
    const data = byLeaf.get(leafIndex)?.data ?? {}
    const place = Object.hasOwn(data, path) ? data[path] : null
    if (canonicalJson(place) !== canonicalJson({ salted: saltedHash(salt, value) })) {
      refuse('reveal-wrong', `${where} is not the text that was recorded`)
    }
  }
}

/** A policy's name on the record is the hash of its exact text, so a text is proved by the events that name it. */
function checkPolicies(policies: Evidence['policies'], events: readonly ProvedEvent[]): void {
  const seen = new Set<string>()
  const named = new Set(events.flatMap(({ data }) => (Object.hasOwn(data, 'policy') ? [data.policy] : [])))
  for (const { hash: name, text } of policies) {
    if (seen.size === seen.add(name).size) refuse('policy-wrong', `the policy ${name} stands twice`)
    if (hash('sha256', text, 'hex') !== name) refuse('policy-wrong', `the text is not that of the policy ${name}`)
    if (!named.has(name)) {
      refuse('policy-wrong', `no event in the file names the policy ${name}`)
    }
  }
}

/** What is not shown where a log follows another: what the one before had and lost, and who vouches for what came along. */
export function limitOfStart({ at, data }: Pick<Body, 'at' | 'data'>): string {
  const { previousOrigin, lostKey, by, notes, fork, had } = data
  const sizes = (Array.isArray(notes) ? notes : []).map((one) => Number(inWords(one?.note).split('\n')[1]) || 0)
  const confirmed = `witnesses had confirmed ${Math.max(0, ...sizes)} of its events`
  const gone = `${confirmed}${typeof had === 'number' ? `, the database had ${had}` : ''}`
  const why = typeof fork === 'string' ? ` (${fork})` : ''
  if (typeof lostKey === 'string') {
    const lost = why === '' ? '' : `. The database was not what it had signed${why} either: ${gone}`
    return `what was recorded before ${utc(at)}, for whoever trusts ${lostKey}: ${inWords(by)} said that this key of ${inWords(previousOrigin)} is lost, and began this log under another, for which it did not vouch${lost}`
  }
  return `what ${inWords(previousOrigin)} had and lost: ${inWords(by)} began this log at ${utc(at)}, because after a restore the database was not what witnesses had confirmed${why}; ${gone}`
}

/** What an event says under a name. An object there may have no form as a text: `{"toString":null}`. */
function inWords(value: unknown): string {
  return typeof value === 'string' ? value : canonicalJson(value ?? null)
}

/** Epoch ms in words; of a later moment than that there is no date. */
function utc(at: number): string {
  return at <= 8.64e15 ? new Date(at).toISOString() : `${at} ms`
}

/** Whether a log begins with this event because the key of the one before was lost. */
export function isBreak({ stream, seq, type, data }: Pick<Body, 'stream' | 'seq' | 'type' | 'data'>): boolean {
  return startsLog({ stream, seq, type }) && typeof data.lostKey === 'string'
}

/** Whether a log begins with this event that follows another. */
export function startsLog({ stream, seq, type }: Pick<Body, 'stream' | 'seq' | 'type'>): boolean {
  return type === ORIGIN_STARTED && seq === 1 && stream.startsWith(originStream(''))
}

/** The first event of a log that follows another: stream `origin/<its name>`. */
export const ORIGIN_STARTED = 'origin-started'
export const originStream = (origin: string): string => `origin/${origin}`

function checkConsistency(file: Evidence, now: Checkpoint, keys: readonly KeySpan[], options: VerifyOptions): string[] {
  const proofs = file.consistency
  const limits: string[] = []
  if (new Set(proofs.map(({ size }) => size)).size < proofs.length) {
    refuse('consistency-wrong', 'two proofs from the same size')
  }
  const earlier = (options.earlier ?? []).map((note) => openInForce(note, keys))
  for (const checkpoint of earlier) {
    const needsNone = checkpoint.size === now.size || checkpoint.size === 0
    const proof = needsNone ? [] : proofs.find(({ size }) => size === checkpoint.size)?.proof
    if (checkpoint.size > now.size) {
      refuse('consistency-wrong', `the checkpoint kept earlier has ${checkpoint.size} events, this one ${now.size}`)
    }
    if (!proof) {
      refuse('consistency-wrong', `no proof from the checkpoint of size ${checkpoint.size}: ask for a file made for it`)
    }
    if (checkpoint.origin !== now.origin || !isConsistent(checkpoint, now, proof)) {
      refuse('consistency-wrong', `not proved to continue the checkpoint of size ${checkpoint.size}`)
    }
  }
  for (const { size } of proofs.filter(({ size }) => !earlier.some((checkpoint) => checkpoint.size === size))) {
    limits.push(`the consistency proof from size ${size} was not checked: it needs the checkpoint kept then`)
  }
  return limits
}

// Populations: every item of one kind in a period, and that none is left out.

/** Times and places of the log may disagree by so much, and no more: about what lies farther away, an edge says nothing. */
export const POPULATION_SLACK_MS = 3_600_000

/** The whole tree from left to right: the file's events, and between them what `tree` says. Its root must be the checkpoint's. */
function layRow(tree: readonly TreeEntry[], events: readonly ProvedEvent[], { size, root }: Checkpoint): Row {
  const row = createRow()
  const shown: PlacedBody[] = []
  const withheld: { first: number; end: number }[] = []
  let [nextEvent, nextEntry] = [0, 0]
  for (let place = 0; place < size; place = row.size()) {
    const event = events[nextEvent]
    if (event?.leafIndex === place) {
      row.lay(0, Buffer.from(event.hash, 'hex'))
      nextEvent++
      continue
    }
    const entry = tree[nextEntry++]
    if (entry === undefined) return refuse('tree-wrong', `nothing stands for leaf ${place}`)
    if ('body' in entry) {
      shown.push({ ...parseBody(entry.body), leafIndex: place })
      row.lay(0, leafHash(entry.body))
      continue
    }
    const end = place + 2 ** entry.height
    if (place % 2 ** entry.height !== 0 || end > Math.min(size, event?.leafIndex ?? size)) {
      refuse('tree-wrong', `no whole subtree of ${2 ** entry.height} leaves begins at leaf ${place}`)
    }
    withheld.push({ first: place, end })
    row.lay(entry.height, entry.hash)
  }
  if (nextEvent < events.length || nextEntry < tree.length) refuse('tree-wrong', 'more stands there than the tree has')
  if (!row.root().equals(root)) refuse('proof-wrong', 'the leaves are not those under the checkpoint')
  return { size, shown, withheld }
}

/**
 * Whether `events` has everything of the population and nothing else, as far as the leaves of its range are shown.
 * @returns null where the file claims none
 */
function checkPopulation(
  claim: PopulationClaim | null,
  { size, shown, withheld }: Row,
  events: readonly ProvedEvent[],
): PopulationExtent | null {
  if (claim === null) return null
  const wrong = (why: string): never => refuse('population-wrong', why)
  const { from, until, first, end } = claim
  if (end > size) wrong(`its range ends at leaf ${end}, beyond the tree`)
  const isIn = ({ leafIndex }: PlacedBody) => leafIndex >= first && leafIndex < end
  const own = new Set(events.map(({ stream }) => stream))
  for (const body of shown) {
    const where = `leaf ${body.leafIndex} (${body.stream} #${body.seq})`
    if (!isIn(body)) wrong(`${where} is outside of the range`)
    if (own.has(body.stream)) wrong(`${where} is of a stream of the population, and not among its events`)
    if (belongsTo(claim, body)) wrong(`${where} belongs to the population, and is left out`)
  }
  const members = events.filter((event) => event.seq === 1 && event.stream.startsWith(GRANT))
  const stranger = members.find((event) => !belongsTo(claim, event) || !isIn(event))
  if (stranger) wrong(`${stranger.stream} does not belong to the population`)
  const doubts: string[] = []
  const hidden = withheld.reduce(
    (sum, gap) => sum + Math.max(0, Math.min(gap.end, end) - Math.max(gap.first, first)),
    0,
  )
  if (hidden > 0) doubts.push(`${hidden} of the ${end - first} leaves of its range are withheld: any may be one of it`)
  const range = [...shown, ...events.filter(isIn)].sort((a, b) => a.leafIndex - b.leafIndex)
  const [begin, last] = [range[0], range.at(-1)]
  if (first > 0 && begin?.leafIndex === first && begin.at > from - POPULATION_SLACK_MS) {
    wrong(`its range begins at ${utc(begin.at)}, less than an hour before the period`)
  }
  if (last?.leafIndex === end - 1 && last.at < until + POPULATION_SLACK_MS) {
    if (end < size) wrong(`its range ends at ${utc(last.at)}, less than an hour after the period`)
    doubts.push(
      `the log of this file ends at ${utc(last.at)}, less than an hour after the period: more of it may follow`,
    )
  }
  const back = firstBackwards(range)
  if (back)
    doubts.push(`leaf ${back.leafIndex} says ${utc(back.at)}, more than an hour before a leaf to the left of it`)
  return { ...claim, grants: members.map(({ stream }) => stream.slice(GRANT.length)), withheld: hidden, doubts }
}

const GRANT = 'grant:'

/** Whether it is the first event of a grant that the population is about. */
export function belongsTo(
  { from, until, person, target }: Pick<PopulationClaim, 'from' | 'until' | 'person' | 'target'>,
  { stream, seq, type, at, data }: Body,
): boolean {
  const isAsked = seq === 1 && type === 'request.asked' && stream.startsWith(GRANT) && at >= from && at < until
  const isTheirs = person === null || data.by === person || data.for === person
  return isAsked && isTheirs && (target === null || data.target === target)
}

/** A leaf whose time does not fit its place could hide from every period. After a restore, the first leaf is newer than all. */
function firstBackwards(range: readonly PlacedBody[]): PlacedBody | null {
  let highest = 0
  for (const body of range) {
    if (body.at < highest - POPULATION_SLACK_MS) return body
    if (body.type !== ORIGIN_STARTED) highest = Math.max(highest, body.at)
  }
  return null
}

// Merkle tree, RFC 6962 section 2.1; verification as RFC 9162 sections 2.1.3.2 and 2.1.4.2.

const LEAF = Buffer.of(0)
const NODE = Buffer.of(1)
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer')

export function leafHash(body: string | Uint8Array): Buffer {
  return sha256(Buffer.concat([LEAF, typeof body === 'string' ? Buffer.from(body, 'utf8') : body]))
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return sha256(Buffer.concat([NODE, left, right]))
}

/** By way of a string, one character a byte: asked for a buffer, Node takes three times as long. */
function sha256(bytes: Buffer): Buffer {
  return Buffer.from(hash('sha256', bytes, 'binary'), 'latin1')
}

/** The root that the proof leads to; null when it has the wrong length for that place. */
export function rootFromInclusion(leaf: Buffer, index: number, size: number, proof: readonly Buffer[]): Buffer | null {
  if (index >= size) return null
  let [place, last, root] = [index, size - 1, leaf]
  for (const sibling of proof) {
    if (last === 0) return null
    if (place % 2 === 1 || place === last) {
      root = nodeHash(sibling, root)
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)]
    } else {
      root = nodeHash(root, sibling)
    }
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 ? root : null
}

/** Whether the tree of `then` is a prefix of the tree of `now`. */
export function isConsistent(then: TreeHead, now: TreeHead, proof: readonly Buffer[]): boolean {
  if (then.size === now.size) return proof.length === 0 && then.root.equals(now.root)
  if (then.size === 0) return proof.length === 0 && then.root.equals(EMPTY_ROOT)
  if (then.size > now.size) return false
  let [place, last] = [then.size - 1, now.size - 1]
  while (place % 2 === 1) [place, last] = [half(place), half(last)]
  const [first, ...rest] = place === 0 ? [then.root, ...proof] : proof
  if (!first) return false
  let [older, newer] = [first, first]
  for (const sibling of rest) {
    if (last === 0) return false
    if (place % 2 === 1 || place === last) {
      ;[older, newer] = [nodeHash(sibling, older), nodeHash(sibling, newer)]
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)]
    } else {
      newer = nodeHash(newer, sibling)
    }
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 && older.equals(then.root) && newer.equals(now.root)
}

/** A tree of which not every leaf is known, from left to right: leaves, and complete subtrees by their root. */
export function createRow(): GrowingRow {
  const edge: { height: number; node: Buffer }[] = []
  let size = 0
  return {
    size: () => size,
    lay(height, node) {
      let joined = { height, node }
      for (let left = edge.at(-1); left?.height === joined.height; left = edge.at(-1)) {
        edge.pop()
        joined = { height: joined.height + 1, node: nodeHash(left.node, joined.node) }
      }
      edge.push(joined)
      size += 2 ** height
    },
    root: () =>
      edge.reduceRight<Buffer | null>((right, { node }) => (right ? nodeHash(node, right) : node), null) ?? EMPTY_ROOT,
  }
}

/** Sizes go beyond 32 bits, where `>>` would be wrong. */
function half(n: number): number {
  return Math.floor(n / 2)
}

// C2SP signed-note and tlog-checkpoint.

const ED25519 = 1
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
/** The y of every point of small order, in each way to write it. */
const SMALL_ORDER = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ...['ec', 'ed', 'ee'].map((lowest) => `${lowest}${'ff'.repeat(30)}7f`),
])
const MAX_SIGNATURES = 100
const MAX_NOTE_BYTES = 1_000_000

/** `<name>+<key id, hex>+<base64 of algorithm and key>`. Ed25519 alone is known. */
export function parseVkey(vkey: string): NoteKey {
  const [, name = '', id = '', encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/su.exec(vkey) ?? []
  const material = isKeyName(name) ? decodeBase64(encoded) : null
  if (material?.length !== 33 || material[0] !== ED25519) refuse('key-malformed', 'not an Ed25519 verifier key')
  if (keyId(name, material).toString('hex') !== id)
    refuse('key-malformed', 'the key id does not belong to name and key')
  if (isOfSmallOrder(material.subarray(1))) refuse('key-malformed', 'a key with which anybody can sign')
  const der = Buffer.concat([SPKI_PREFIX, material.subarray(1)])
  return { name, id, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) }
}

/** @param point 32 bytes. Some versions of OpenSSL let such points pass, others do not: the verdict must not hang on that. */
function isOfSmallOrder(point: Buffer): boolean {
  const y = Buffer.from(point)
  y.writeUInt8(y.readUInt8(31) & 0x7f, 31)
  return SMALL_ORDER.has(y.toString('hex'))
}

export function formatVkey(name: string, publicKey: KeyObject): string {
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length)
  const material = Buffer.concat([Buffer.of(ED25519), raw])
  return `${name}+${keyId(name, material).toString('hex')}+${material.toString('base64')}`
}

function keyId(name: string, material: Buffer): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), material]), 'buffer').subarray(0, 4)
}

/** No white space, no plus, as the signed-note specification asks of key names. */
export function isKeyName(name: string): boolean {
  return name.isWellFormed() && /^[^\p{White_Space}+]+$/u.test(name)
}

/** The text of a note and its signature lines. Proves nothing. */
export function parseNote(note: string): { text: string; signatures: NoteSignature[] } {
  const malformed = (why: string): never => refuse('note-malformed', why)
  if (!note.isWellFormed() || Buffer.byteLength(note) > MAX_NOTE_BYTES) malformed('not UTF-8, or too long')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the specification forbids them, so they are looked for
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) malformed('a control character')
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) malformed('no signature block')
  const lines = note
    .slice(split + 2)
    .split('\n')
    .slice(0, -1)
  if (lines.length === 0 || lines.length > MAX_SIGNATURES) malformed(`${lines.length} signatures`)
  const signatures = lines.map((line) => {
    const [, name = '', encoded = ''] = /^— ([^ ]+) ([^ ]+)$/u.exec(line) ?? []
    const bytes = isKeyName(name) ? decodeBase64(encoded) : null
    if (!bytes || bytes.length < 5) return malformed('a line that is no signature')
    return { name, id: bytes.subarray(0, 4).toString('hex'), signature: bytes.subarray(4) }
  })
  return { text: note.slice(0, split + 1), signatures }
}

/** Needs a good signature of one of `keys`; a bad signature of any of them refuses the note. */
export function openNote(note: string, keys: readonly NoteKey[]): { text: string; signers: string[] } {
  const { text, signatures } = parseNote(note)
  const signers = signatures.flatMap(({ name, id, signature }) => {
    const key = keys.find((known) => known.name === name && known.id === id)
    if (!key) return []
    const hasForm = signature.length === 64 && !isOfSmallOrder(signature.subarray(0, 32))
    if (!hasForm || !verifySignature(null, Buffer.from(text), key.publicKey, signature)) {
      refuse('signature-wrong', `the signature of ${name} does not fit the text`)
    }
    return [name]
  })
  if (signers.length === 0) refuse('signature-wrong', 'not signed by the expected key')
  return { text, signers }
}

/** A checkpoint that was signed by a key in force at its size: a retired key says nothing of what came after it. */
export function openInForce(note: string, keys: readonly KeySpan[]): Checkpoint {
  if (keys.length > 1) {
    const { size } = parseCheckpoint(parseNote(note).text)
    return parseCheckpoint(openNote(note, keysAt(size, keys)).text)
  }
  const keyOf = keys.map(({ key }) => key)
  return parseCheckpoint(openNote(note, keyOf).text)
}

function keysAt(size: number, keys: readonly KeySpan[]): NoteKey[] {
  return keys.filter(({ from, upTo }) => from <= size && (upTo === null || size <= upTo)).map(({ key }) => key)
}

export const KEYS_STREAM = 'keys'
export const SIGNER_APPOINTED = 'record.signer-appointed'

/**
 * The keys of a log, from the first, by its hand-overs. A key is followed by another where an event names both and is the
 * last leaf under a checkpoint that both have signed: the old one says who comes after it, the new one that it is so.
 * @param isProved for a caller who has the whole tree
 * @throws Refused
 */
export function followHandOvers(
  origin: string,
  handOvers: readonly HandOver[],
  isProved: (one: HandOver, head: TreeHead) => boolean = isLastLeaf,
): KeySpan[] {
  const wrong = (why: string): never => refuse('hand-over-wrong', why)
  const keys: KeySpan[] = []
  for (const one of handOvers) {
    const { leafIndex, body: text, checkpoint: note } = one
    const where = `leaf ${leafIndex}`
    const body = parseBody(text)
    const { from, to } = body.data
    if (
      body.stream !== KEYS_STREAM ||
      body.type !== SIGNER_APPOINTED ||
      typeof from !== 'string' ||
      typeof to !== 'string'
    )
      return wrong(`${where} appoints no signer`)
    const [before, after] = [parseVkey(from), parseVkey(to)]
    if (before.name !== origin || after.name !== origin) wrong(`${where} is about the key of another log`)
    openNote(note, [before])
    const { origin: of, size, root } = parseCheckpoint(openNote(note, [after]).text)
    if (of !== origin || size !== leafIndex + 1) wrong(`${where} is not the last under its checkpoint of ${size}`)
    if (!isProved(one, { size, root })) wrong(`${where} is not proved`)
    const last = keys.at(-1)
    if (last && (last.vkey !== from || size <= last.from)) wrong(`${where} does not follow the one before`)
    if (from === to || keys.some(({ vkey }) => vkey === to)) wrong(`${where} goes back to an older key`)
    keys.splice(-1, 1, { vkey: from, key: before, from: last?.from ?? 0, upTo: size })
    keys.push({ vkey: to, key: after, from: size, upTo: null })
  }
  return keys
}

function isLastLeaf({ leafIndex, body, proof }: HandOver, { size, root }: TreeHead): boolean {
  return rootFromInclusion(leafHash(body), leafIndex, size, proof)?.equals(root) ?? false
}

export function parseCheckpoint(text: string): Checkpoint {
  const [, origin = '', size = '', encoded = ''] = /^([^\n]+)\n(0|[1-9][0-9]*)\n([^\n]+)\n$/u.exec(text) ?? []
  const root = decodeBase64(encoded)
  if (root?.length !== 32 || !Number.isSafeInteger(Number(size))) {
    refuse('checkpoint-malformed', 'not origin, size and root hash, a line each')
  }
  return { origin, size: Number(size), root }
}

// Bodies and canonical JSON.

/** The canonical text of an event, taken apart. */
export function parseBody(text: string): Body {
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) refuse('body-too-large', `more than ${MAX_BODY_BYTES} bytes`)
  const body = parseJson(text)
  if (canonicalOrNull(body) !== text) refuse('body-not-canonical', 'not the canonical form of RFC 8785')
  const { stream, seq, type, v, at, prev, data, cleaned, ...others } = record(body, 'body-malformed')
  const good =
    Object.keys(others).length === 0 &&
    typeof stream === 'string' &&
    stream !== '' &&
    typeof type === 'string' &&
    type !== '' &&
    isCount(seq, 1) &&
    isCount(v, 1) &&
    isCount(at, 0) &&
    (seq === 1 ? prev === null : typeof prev === 'string' && HASH.test(prev)) &&
    (cleaned === undefined || (Array.isArray(cleaned) && cleaned.every((path) => typeof path === 'string')))
  if (!good) refuse('body-malformed', 'stream, seq, type, v, at, prev and data are not what they must be')
  return { stream, seq, type, v, at, prev: prev as string | null, data: record(data, 'body-malformed') }
}

/** RFC 8785. @throws TypeError for what JSON cannot say; `undefined` members are left out, as JSON does */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw new TypeError(`nested deeper than ${MAX_DEPTH}`)
  if (typeof value === 'string' && !value.isWellFormed()) throw new TypeError('a lone surrogate')
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} is not a JSON number`)
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`
  const prototype = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError(`${typeof value} is not JSON`)
  const members = Object.entries(value as object).filter(([, member]) => member !== undefined)
  members.sort(([a], [b]) => (a < b ? -1 : 1)) // UTF-16 code units, as the RFC asks
  return `{${members.map(([name, member]) => `${canonicalJson(name)}:${canonicalJson(member, depth + 1)}`).join(',')}}`
}

/** What came out of JSON may still have no canonical form, such as a lone surrogate. */
function canonicalOrNull(value: unknown): string | null {
  try {
    return canonicalJson(value)
  } catch {
    return null
  }
}

/** What stands in a body in place of a text that may be erased. @param salt hex */
export function saltedHash(salt: string, value: string): string {
  return hash('sha256', Buffer.concat([Buffer.from(salt, 'hex'), Buffer.from(value, 'utf8')]), 'hex')
}

const MAX_DEPTH = 64
const HASH = /^[0-9a-f]{64}$/

// Passkeys: WebAuthn Level 3, sections 5.8.1 (client data), 6.1 (authenticator data) and 7.2 (checking an assertion).

/** What a decision's assertion is about. The challenge is SHA-256 of its canonical JSON: each input has one place. */
export interface ChallengeInputs {
  /** 32 random bytes, hex. */
  readonly nonce: string
  readonly request: string
  /** Of the request's stream, when the link was made. */
  readonly revision: number
  /** `prod-db:write` */
  readonly entitlement: string
  readonly durationMs: number
  readonly decision: string
  readonly policy: string
  readonly approver: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

export function challengeOf(inputs: ChallengeInputs): Buffer {
  return hash('sha256', canonicalJson(inputs), 'buffer')
}

/** Every decision that says `passkey` must carry an assertion that holds, each for a challenge of its own. */
function checkPasskeys(events: readonly ProvedEvent[]): void {
  const seen = new Set<string>()
  for (const event of events) {
    if (!claimsPasskey(event)) continue
    const fault = faultOfAssertion(event, events)
    if (fault !== null) refuse('passkey-wrong', `${event.stream} #${event.seq}: ${fault}`)
    const challenge = challengeOf(record(event.data.assertion, 'passkey-wrong').challenge as ChallengeInputs)
    if (seen.size === seen.add(challenge.toString('hex')).size) refuse('passkey-wrong', 'one challenge was used twice')
  }
}

export function claimsPasskey({ data }: Pick<Body, 'data'>): boolean {
  return Object.hasOwn(data, 'assertion') || (Object.hasOwn(data, 'assurance') && data.assurance === 'passkey')
}

/**
 * What is wrong with the assertion of a decision, in words; null when it holds.
 * @param events with the whole streams of the grant and of the approver's passkeys, proved and with their places
 */
export function faultOfAssertion(event: PlacedBody, events: readonly PlacedBody[]): string | null {
  try {
    checkAssertion(event, events)
    return null
  } catch (error) {
    if (error instanceof Refused) return error.message
    throw error
  }
}

const DECISIONS: ReadonlyMap<string, string> = new Map([
  ['request.signed', 'approve'],
  ['extension.signed', 'approve-extension'],
])

function checkAssertion(event: PlacedBody, events: readonly PlacedBody[]): void {
  const wrong = (why: string): never => refuse('passkey-wrong', why)
  const { assertion, assurance, by, policy } = event.data
  if (assurance !== 'passkey') wrong('it carries an assertion and does not say so')
  const given = readAssertion(assertion)
  const { challenge, flags } = given
  const said = [challenge.decision, `grant:${challenge.request}`, challenge.approver, challenge.policy]
  const is = [DECISIONS.get(event.type), event.stream, by, policy]
  if (said.some((one, place) => one !== is[place])) wrong('the assertion is for another decision')
  if (challenge.revision >= event.seq || event.at >= challenge.expiresAt) wrong('the assertion came too late')
  const own = events.filter(({ stream, seq }) => stream === event.stream && seq <= challenge.revision)
  const asked = own.find(({ seq, type }) => seq === 1 && type === 'request.asked')?.data
  const more = events.findLast(
    ({ stream, seq, type }) => stream === event.stream && seq < event.seq && type === 'extension.asked',
  )
  const { target, entitlement } = asked ?? {}
  const right = typeof target === 'string' && typeof entitlement === 'string' ? `${target}:${entitlement}` : null
  const isOfExtension = challenge.decision === 'approve-extension'
  const durationMs = isOfExtension ? more?.data.durationMs : asked?.durationMs
  if (isOfExtension && (more?.seq ?? 0) > challenge.revision) wrong('the assertion is for an earlier extension')
  if (asked === undefined || challenge.entitlement !== right || challenge.durationMs !== durationMs) {
    wrong('the assertion is for another access than was asked for')
  }
  checkEnrolled(given, event, events)
  const client = readClientData(given.clientDataJSON)
  if (client.type !== 'webauthn.get') wrong('the client data is of another ceremony')
  if (client.challenge !== challengeOf(challenge).toString('base64url')) wrong('it is signed for another challenge')
  if (client.origin !== given.origin) wrong('it was made on another page')
  if (client.crossOrigin !== undefined && client.crossOrigin !== false) wrong('it was made inside a page of another')
  if (!isOriginOf(given.origin, given.rpId)) wrong('the page is not one of its relying party')
  const authenticator = given.authenticatorData
  if (authenticator.length < 37) wrong('the authenticator data is too short')
  if (!authenticator.subarray(0, 32).equals(hash('sha256', given.rpId, 'buffer')))
    wrong('it is for another relying party')
  const bits = authenticator.readUInt8(32)
  const seen = { up: bits % 2 === 1, uv: (bits & 4) > 0, be: (bits & 8) > 0, bs: (bits & 16) > 0 }
  if (canonicalJson(seen) !== canonicalJson(flags)) wrong('the flags are not those of the authenticator')
  if (!seen.up || !seen.uv) wrong('the authenticator did not verify the person')
  if (seen.bs && !seen.be) wrong('a key that cannot be backed up is said to be')
  const signed = Buffer.concat([authenticator, hash('sha256', given.clientDataJSON, 'buffer')])
  if (!isSignedBy(given.publicKey, signed, given.signature)) wrong('the signature is not of the passkey')
}

/** The key was enrolled for this person before, by another person, and not taken back until then. */
function checkEnrolled(
  { credential, publicKey, rpId, flags }: Assertion,
  event: PlacedBody,
  events: readonly PlacedBody[],
) {
  const { by } = event.data
  const before = events.filter(({ stream, leafIndex }) => stream === `passkey:${by}` && leafIndex < event.leafIndex)
  let found: PlacedBody | null = null
  for (const one of before) {
    const { passkey, passkeys } = one.data
    if (one.type === 'passkey.enrolled' && record(passkey, 'passkey-wrong').credential === credential) found = one
    if (one.type === 'passkey.revoked' && Array.isArray(passkeys) && passkeys.includes(credential)) found = null
  }
  if (found === null) refuse('passkey-wrong', `the passkey was not enrolled for ${by} at that time`)
  const enrolled = record(found.data.passkey, 'passkey-wrong')
  if (canonicalOrNull(enrolled.publicKey) !== canonicalJson(publicKey) || enrolled.rpId !== rpId) {
    refuse('passkey-wrong', 'the key is not the one that was enrolled')
  }
  if (record(enrolled.flags, 'passkey-wrong').be !== flags.be) refuse('passkey-wrong', 'the key changed its kind')
  if (typeof found.data.by !== 'string' || found.data.by === by) {
    refuse('passkey-wrong', 'the passkey was enrolled without a second person')
  }
}

function readAssertion(value: unknown): Assertion {
  const fields = exactly(value, [
    ...(['challenge', 'credential', 'publicKey', 'rpId', 'origin'] as const),
    ...(['authenticatorData', 'clientDataJSON', 'signature', 'flags'] as const),
  ])
  const flags = exactly(fields.flags, ['up', 'uv', 'be', 'bs'])
  const { rpId, origin } = fields
  if (typeof rpId !== 'string' || typeof origin !== 'string' || bytesIn(fields.credential).length === 0) {
    refuse('passkey-wrong', 'the assertion is not in form')
  }
  return {
    ...{ rpId, origin, credential: fields.credential as string },
    challenge: readChallenge(fields.challenge),
    publicKey: readPublicKey(fields.publicKey),
    authenticatorData: bytesIn(fields.authenticatorData),
    clientDataJSON: bytesIn(fields.clientDataJSON),
    signature: bytesIn(fields.signature),
    flags: flags as unknown as Assertion['flags'],
  }
}

function readChallenge(value: unknown): ChallengeInputs {
  const fields = exactly(value, [
    ...(['nonce', 'request', 'revision', 'entitlement', 'durationMs'] as const),
    ...(['decision', 'policy', 'approver', 'expiresAt'] as const),
  ])
  const { nonce, request, entitlement, decision, policy, approver } = fields
  const good =
    [nonce, policy].every((one) => typeof one === 'string' && HASH.test(one)) &&
    [request, entitlement, decision, approver].every((one) => typeof one === 'string') &&
    [fields.revision, fields.durationMs, fields.expiresAt].every((one) => isCount(one, 1))
  if (!good) refuse('passkey-wrong', 'the inputs of the challenge are not in form')
  return fields as unknown as ChallengeInputs
}

/** A JSON Web Key (RFC 7517, RFC 7518, RFC 8037) of a kind that passkeys use. */
function readPublicKey(value: unknown): PasskeyKey {
  const { kty } = record(value, 'passkey-wrong')
  const length = (fields: Record<string, unknown>, name: string) => urlBytes(fields[name])?.length ?? 0
  if (kty === 'EC') {
    const fields = exactly(value, ['kty', 'crv', 'x', 'y'])
    if (fields.crv === 'P-256' && length(fields, 'x') === 32 && length(fields, 'y') === 32) return fields as PasskeyKey
  } else if (kty === 'OKP') {
    const fields = exactly(value, ['kty', 'crv', 'x'])
    const isGood = fields.crv === 'Ed25519' && length(fields, 'x') === 32
    if (isGood && !isOfSmallOrder(urlBytes(fields.x) ?? Buffer.alloc(32))) return fields as PasskeyKey
  } else if (kty === 'RSA') {
    const fields = exactly(value, ['kty', 'n', 'e'])
    const n = urlBytes(fields.n) ?? Buffer.alloc(0)
    const isGood = n.length >= 256 && n.length <= 512 && n[0] !== 0 && (n.at(-1) ?? 0) % 2 === 1
    if (isGood && fields.e === 'AQAB') return fields as PasskeyKey
  }
  return refuse('passkey-wrong', 'the public key is of no kind that is known here')
}

/** ES256, EdDSA with Ed25519, RS256: by the kind of the key (RFC 9053, RFC 8812). */
function isSignedBy(key: PasskeyKey, signed: Buffer, signature: Buffer): boolean {
  try {
    const publicKey = createPublicKey({ key: { ...key }, format: 'jwk' })
    if (key.kty !== 'OKP') return verifySignature('sha256', signed, publicKey, signature)
    const hasForm = signature.length === 64 && !isOfSmallOrder(signature.subarray(0, 32))
    return hasForm && verifySignature(null, signed, publicKey, signature)
  } catch {
    return false // Such as a point that is not on the curve.
  }
}

function readClientData(bytes: Buffer): Record<string, unknown> {
  const text = decodeText(bytes)
  const fields = record(parseJson(text), 'passkey-wrong')
  refuseRepeatedNames(text)
  if (canonicalOrNull(fields) === null) refuse('passkey-wrong', 'the client data is not in form')
  return fields
}

/** A passkey works on one host; on the way to it nobody reads along. */
function isOriginOf(origin: string, rpId: string): boolean {
  const [, scheme = '', host = ''] = /^(https?):\/\/([a-z0-9.-]+)(?::[1-9][0-9]{0,4})?$/.exec(origin) ?? []
  return host === rpId && (scheme === 'https' || host === 'localhost')
}

function exactly<Name extends string>(value: unknown, names: readonly Name[]): Record<Name, unknown> {
  const fields = record(value, 'passkey-wrong')
  const isExact = Object.keys(fields).length === names.length && names.every((name) => Object.hasOwn(fields, name))
  if (!isExact) refuse('passkey-wrong', `not exactly ${names.join(', ')}`)
  return fields
}

function bytesIn(value: unknown): Buffer {
  const bytes = typeof value === 'string' ? decodeBase64(value) : null
  return bytes ?? refuse('passkey-wrong', 'not base64')
}

function urlBytes(value: unknown): Buffer | null {
  if (typeof value !== 'string') return null
  const bytes = Buffer.from(value, 'base64url')
  return bytes.toString('base64url') === value ? bytes : null
}

export type PlacedBody = Body & { readonly leafIndex: number }

export type PasskeyKey =
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: 'AQAB' }

interface Assertion {
  readonly challenge: ChallengeInputs
  readonly credential: string
  readonly publicKey: PasskeyKey
  readonly rpId: string
  readonly origin: string
  readonly authenticatorData: Buffer
  readonly clientDataJSON: Buffer
  readonly signature: Buffer
  readonly flags: { readonly up: boolean; readonly uv: boolean; readonly be: boolean; readonly bs: boolean }
}

// Strict parsing of the file.

function parseEvidence(text: string): Evidence {
  const fields = record(parseJson(text), 'malformed')
  refuseRepeatedNames(text)
  if (canonicalOrNull(fields) === null) {
    refuse('malformed', `a lone surrogate, a number beyond a double, or nested deeper than ${MAX_DEPTH}`)
  }
  if (fields.format !== EVIDENCE_FORMAT) refuse('unknown-format', `not ${EVIDENCE_FORMAT}`)
  const { format: _, origin, verifierKey, checkpoint, events, reveals, consistency = [], ...rest } = fields
  const { policies = [], handOvers = [], singles = [], tree, population, ...others } = rest
  if (population !== undefined && tree === undefined) refuse('malformed', 'a population without a tree')
  const list = members(events, ['leafIndex', 'body', 'proof'])
  if (list.length === 0 && population === undefined) refuse('malformed', 'no events')
  return {
    origin: string(origin),
    verifierKey: string(verifierKey),
    checkpoint: string(checkpoint),
    events: list.map(placedBody),
    singles: members(singles, ['leafIndex', 'body', 'proof']).map(placedBody),
    reveals: members(reveals, ['leafIndex', 'path', 'salt', 'value']).map((reveal) => ({
      leafIndex: count(reveal.leafIndex),
      path: string(reveal.path),
      salt: salt(reveal.salt),
      value: string(reveal.value),
    })),
    consistency: members(consistency, ['size', 'proof']).map((item) => ({
      size: count(item.size),
      proof: hashes(item.proof),
    })),
    policies: members(policies, ['hash', 'text']).map((policy) => ({
      hash: policyHash(policy.hash),
      text: string(policy.text),
    })),
    tree: tree === undefined ? null : treeEntries(tree),
    population: population === undefined ? null : populationClaim(population),
    handOvers: members(handOvers, ['leafIndex', 'body', 'proof', 'checkpoint', 'consistency']).map((item) => ({
      leafIndex: count(item.leafIndex),
      body: string(item.body),
      proof: hashes(item.proof),
      checkpoint: string(item.checkpoint),
      consistency: hashes(item.consistency),
    })),
    unproved: Object.keys(others),
  }
}

function placedBody(event: Readonly<Record<string, unknown>>): Evidence['events'][number] {
  return { leafIndex: count(event.leafIndex), body: string(event.body), proof: hashes(event.proof) }
}

function treeEntries(value: unknown): TreeEntry[] {
  return members(value, ['body', 'height', 'hash']).map((entry) => {
    if ('body' in entry) {
      return Object.keys(entry).length === 1
        ? { body: string(entry.body) }
        : refuse('malformed', 'a leaf, and a subtree')
    }
    const height = count(entry.height)
    const [node] = hashes([entry.hash])
    return node && height <= MAX_HEIGHT ? { height, hash: node } : refuse('malformed', 'no subtree of a tree')
  })
}

/** With which the largest index is below 2^53. */
const MAX_HEIGHT = 52

function populationClaim(value: unknown): PopulationClaim {
  const names = ['kind', 'from', 'until', 'zone', 'person', 'target', 'first', 'end'] as const
  const fields = record(value, 'malformed')
  const isExact = Object.keys(fields).length === names.length && names.every((name) => Object.hasOwn(fields, name))
  if (!isExact || fields.kind !== 'grants') refuse('malformed', 'not a population of a kind that is known here')
  const select = (one: unknown) => (one === null ? null : string(one) || refuse('malformed', 'an empty selection'))
  const [from, until, first, end] = [count(fields.from), count(fields.until), count(fields.first), count(fields.end)]
  if (from >= until || first >= end) refuse('malformed', 'a period or a range in which nothing is')
  const { person, target } = fields
  return { from, until, first, end, zone: string(fields.zone), person: select(person), target: select(target) }
}

/** Other readers replace what is not UTF-8, or drop a byte order mark, each in its own way. */
function decodeText(given: string | Uint8Array): string {
  if (typeof given === 'string') return given
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(given)
  } catch {
    return refuse('malformed', 'not UTF-8')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return refuse('not-json', 'not JSON')
  }
}

/** JSON.parse takes the last of two members of one name; another reader may take the first. `text` is valid JSON. */
function refuseRepeatedNames(text: string): void {
  const open: (Set<string> | null)[] = []
  let nameComes = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '{' || char === '[') open.push(char === '{' ? new Set() : null)
    if (char === '}' || char === ']') open.pop()
    if (char === '{' || char === ',') nameComes = true
    if (char === ':') nameComes = false
    if (char !== '"') continue
    const from = at
    while (text[++at] !== '"') if (text[at] === '\\') at++
    const names = nameComes ? open.at(-1) : null
    if (!names) continue
    const name: string = JSON.parse(text.slice(from, at + 1))
    if (names.has(name)) refuse('malformed', `the name ${name} stands twice in one object`)
    names.add(name)
  }
}

function record(value: unknown, code: RefusalCode): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(code, 'an object is missing')
  return value as Record<string, unknown>
}

function members(value: unknown, names: readonly string[]): Record<string, unknown>[] {
  if (!Array.isArray(value)) refuse('malformed', 'a list is missing')
  return value.map((item) => {
    const fields = record(item, 'malformed')
    const odd = Object.keys(fields).find((name) => !names.includes(name))
    if (odd !== undefined) refuse('malformed', `${odd} has no meaning here`)
    return fields
  })
}

function string(value: unknown): string {
  return typeof value === 'string' ? value : refuse('malformed', 'a text is missing')
}

function count(value: unknown): number {
  return isCount(value, 0) ? value : refuse('malformed', 'a number is missing')
}

function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least
}

function salt(value: unknown): string {
  const text = string(value)
  return new RegExp(`^[0-9a-f]{${2 * SALT_BYTES}}$`).test(text) ? text : refuse('malformed', 'not a salt')
}

function policyHash(value: unknown): string {
  const text = string(value)
  return HASH.test(text) ? text : refuse('malformed', 'not the hash of a policy')
}

function hashes(value: unknown): Buffer[] {
  if (!Array.isArray(value)) return refuse('malformed', 'a proof is missing')
  return value.map((item) => {
    const bytes = decodeBase64(string(item))
    return bytes?.length === 32 ? bytes : refuse('malformed', 'not a SHA-256 hash in base64')
  })
}

/** Standard base64 with padding, and only the one spelling of it; null otherwise. */
function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}

function refuse(code: RefusalCode, message: string): never {
  throw new Refused(code, message)
}

function refused(reasons: Reason[]): Verdict {
  const nothing = { streams: [], events: [], singles: [], reveals: [], policies: [], population: null, limits: [] }
  return { verdict: 'refused', reasons, origin: null, checkpoint: null, ...nothing }
}

/** Something is not in form, or not genuine. */
export class Refused extends Error {
  override name = 'Refused'
  readonly code: RefusalCode
  constructor(code: RefusalCode, message: string) {
    super(message)
    this.code = code
  }
}

export type RefusalCode =
  | 'not-json'
  | 'malformed'
  | 'unknown-format'
  | 'key-malformed'
  | 'key-differs'
  | 'note-malformed'
  | 'signature-wrong'
  | 'checkpoint-malformed'
  | 'origin-differs'
  | 'body-too-large'
  | 'body-not-canonical'
  | 'body-malformed'
  | 'order'
  | 'proof-wrong'
  | 'chain-broken'
  | 'closed-wrong'
  | 'reveal-wrong'
  | 'policy-wrong'
  | 'passkey-wrong'
  | 'consistency-wrong'
  | 'tree-wrong'
  | 'population-wrong'
  | 'hand-over-wrong'
  | 'single-wrong'

export interface VerifyOptions {
  readonly vkey?: string
  readonly earlier?: readonly string[]
}

export interface Verdict {
  /**
   * `unanchored`: all fits together, but the key came from the file itself, which proves nothing. `incomplete`: all that
   * is there is genuine, and it is not shown that nothing of the population is missing.
   */
  readonly verdict: 'verified' | 'incomplete' | 'unanchored' | 'refused'
  /** Why it is refused; empty otherwise. */
  readonly reasons: readonly Reason[]
  readonly origin: string | null
  readonly checkpoint: { readonly size: number; readonly root: string } | null
  /** How far each stream is whole. */
  readonly streams: readonly StreamExtent[]
  readonly events: readonly ProvedEvent[]
  /** Of other streams, each by itself: nothing shows what else their streams hold. */
  readonly singles: readonly ProvedEvent[]
  /** The texts whose salted hashes stand in the events. */
  readonly reveals: readonly Revealed[]
  /** Texts of policies that the events name, proved by their hash. */
  readonly policies: readonly PolicyText[]
  /** Null where the file claims to be none. */
  readonly population: PopulationExtent | null
  /** What this file does not prove. */
  readonly limits: readonly string[]
}

/** All grants and requests that were asked for in [from, until), epoch ms. */
export interface PopulationClaim {
  readonly from: number
  readonly until: number
  /** In which the period was given, for people. */
  readonly zone: string
  /** Who asked, or for whom; null for everybody. */
  readonly person: string | null
  readonly target: string | null
  /** The leaves [first, end) were looked through. */
  readonly first: number
  readonly end: number
}

export interface PopulationExtent extends PopulationClaim {
  /** Ids, in the order of the log. */
  readonly grants: readonly string[]
  /** Leaves of the range that are not shown. */
  readonly withheld: number
  /** Why it is not shown to be complete; empty when it is. */
  readonly doubts: readonly string[]
}

export interface Revealed {
  readonly leafIndex: number
  /** A member of the event's `data`. */
  readonly path: string
  readonly value: string
}

export interface PolicyText {
  /** SHA-256 of the text, hex. */
  readonly hash: string
  readonly text: string
}

export interface Reason {
  readonly code: RefusalCode
  readonly where: string
  readonly message: string
}

export interface StreamExtent {
  readonly stream: string
  readonly events: number
  readonly whole: boolean
  readonly statement: string
}

export interface Body {
  readonly stream: string
  readonly seq: number
  readonly type: string
  readonly v: number
  /** Epoch milliseconds. */
  readonly at: number
  readonly prev: string | null
  readonly data: Readonly<Record<string, unknown>>
}

export interface ProvedEvent extends Body {
  readonly leafIndex: number
  /** Leaf hash, hex. */
  readonly hash: string
}

export interface TreeHead {
  readonly size: number
  readonly root: Buffer
}

export interface Checkpoint extends TreeHead {
  readonly origin: string
}

export interface NoteKey {
  readonly name: string
  /** Hex. */
  readonly id: string
  readonly publicKey: KeyObject
}

/** A key of a log, and the sizes of the checkpoints that it signs. At a hand-over two keys sign. */
export interface KeySpan {
  readonly vkey: string
  readonly key: NoteKey
  readonly from: number
  /** Null for the key that is in force. */
  readonly upTo: number | null
}

/** What shows that one key follows another. */
export interface HandOver {
  readonly leafIndex: number
  /** The event that names both. */
  readonly body: string
  /** That it is the last leaf under the checkpoint. */
  readonly proof: readonly Buffer[]
  /** The note that both have signed. */
  readonly checkpoint: string
}

export interface NoteSignature {
  readonly name: string
  readonly id: string
  readonly signature: Buffer
}

interface Evidence {
  readonly origin: string
  readonly verifierKey: string
  readonly checkpoint: string
  readonly events: readonly { leafIndex: number; body: string; proof: Buffer[] }[]
  /** Of streams that the file has not. */
  readonly singles: Evidence['events']
  readonly reveals: readonly { leafIndex: number; path: string; salt: string; value: string }[]
  readonly consistency: readonly { size: number; proof: Buffer[] }[]
  readonly policies: readonly PolicyText[]
  readonly tree: readonly TreeEntry[] | null
  readonly population: PopulationClaim | null
  readonly handOvers: readonly (HandOver & { readonly consistency: readonly Buffer[] })[]
  /** Names of further fields. */
  readonly unproved: readonly string[]
}

/** A leaf that is shown, or the root of a complete subtree that is not. */
type TreeEntry = { readonly body: string } | { readonly height: number; readonly hash: Buffer }

export interface GrowingRow {
  size(): number
  /** @param height of a subtree that may begin where the row ends: the size is a multiple of 2^height */
  lay(height: number, node: Buffer): void
  root(): Buffer
}

interface Row {
  readonly size: number
  /** Of `tree`, so none of the file's events. */
  readonly shown: readonly PlacedBody[]
  readonly withheld: readonly { readonly first: number; readonly end: number }[]
}
