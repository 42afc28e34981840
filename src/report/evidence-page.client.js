// Checks the evidence inside this page again: hashes, proofs, chains, texts, and the signature where the browser can. It
// follows docs/evidence-format.md, but not every rule of form: the verifier is the proof, this is its echo.
const text = document.getElementById('evidence').textContent
const says = document.getElementById('check-says')
const bytesOf = (words) => new TextEncoder().encode(words)
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
const fromHex = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
const fromBase64 = (words) => Uint8Array.from(atob(words), (char) => char.charCodeAt(0))
const same = (a, b) => hex(a) === hex(b)
const half = (n) => Math.floor(n / 2)
const joined = (...parts) => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
const leafHash = (body) => sha256(joined(Uint8Array.of(0), bytesOf(body)))
const nodeHash = (left, right) => sha256(joined(Uint8Array.of(1), left, right))

/** RFC 9162, section 2.1.3.2. */
async function rootFrom(leaf, index, size, proof) {
  if (index >= size) return null
  let [place, last, root] = [index, size - 1, leaf]
  for (const sibling of proof) {
    if (last === 0) return null
    if (place % 2 === 1 || place === last) {
      root = await nodeHash(sibling, root)
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)]
    } else root = await nodeHash(root, sibling)
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 ? root : null
}

async function readKey(vkey) {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/su.exec(vkey) ?? []
  const material = fromBase64(encoded)
  const named = (await sha256(joined(bytesOf(`${name}\n`), material))).subarray(0, 4)
  if (material.length !== 33 || material[0] !== 1 || hex(named) !== id) throw new Error('the key is not in form')
  return { name, id, raw: material.subarray(1) }
}

/** True, false, or null where this browser knows no Ed25519. */
async function isSigned(key, signed, lines) {
  let publicKey
  try {
    publicKey = await crypto.subtle.importKey('raw', key.raw, 'Ed25519', false, ['verify'])
  } catch {
    return null
  }
  const own = lines.flatMap((line) => {
    const [, name, encoded] = /^— ([^ ]+) ([^ ]+)$/u.exec(line) ?? []
    const bytes = name === key.name ? fromBase64(encoded) : new Uint8Array()
    return hex(bytes.subarray(0, 4)) === key.id ? [bytes.subarray(4)] : []
  })
  const good = await Promise.all(own.map((one) => crypto.subtle.verify('Ed25519', publicKey, one, bytesOf(signed))))
  return good.length > 0 && good.every(Boolean)
}

function readBody(body) {
  try {
    const { stream, seq, prev, type, at, data } = JSON.parse(body)
    return { stream, seq, prev, type, at, data: data ?? {} }
  } catch {
    return null
  }
}

/** A C2SP signed note of a tree. */
function readNote(note) {
  const end = note.lastIndexOf('\n\n')
  const signed = note.slice(0, end + 1)
  const lines = note
    .slice(end + 2)
    .split('\n')
    .slice(0, -1)
  const [origin, sizeText, rootText] = signed.split('\n')
  return { signed, lines, origin, size: Number(sizeText), root: fromBase64(rootText) }
}

/** RFC 9162, section 2.1.4.2. */
async function continues(then, now, proof) {
  if (then.size === now.size) return proof.length === 0 && same(then.root, now.root)
  if (then.size === 0 || then.size > now.size) return false
  let [place, last] = [then.size - 1, now.size - 1]
  while (place % 2 === 1) [place, last] = [half(place), half(last)]
  const [first, ...rest] = place === 0 ? [then.root, ...proof] : proof
  if (first === undefined) return false
  let [older, newer] = [first, first]
  for (const sibling of rest) {
    if (last === 0) return false
    if (place % 2 === 1 || place === last) {
      ;[older, newer] = [await nodeHash(sibling, older), await nodeHash(sibling, newer)]
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)]
    } else newer = await nodeHash(newer, sibling)
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 && same(older, then.root) && same(newer, now.root)
}

/** Section 11: how the log came to the key of this file, from key to key, each step signed by both. */
async function followHandOvers(file, now) {
  const [wrong, keys] = [[], []]
  let from = 0
  for (const { leafIndex, body, proof, checkpoint, consistency } of file.handOvers ?? []) {
    const event = readBody(body)
    const pair = [event?.data.from, event?.data.to]
    const [before, after] = await Promise.all(pair.map(readKey))
    const { signed, lines, origin, size, root } = readNote(checkpoint)
    const reached = await rootFrom(await leafHash(body), leafIndex, size, proof.map(fromBase64))
    const isAppointment = event.stream === 'keys' && event.type === 'record.signer-appointed'
    const isOwn = [origin, before.name, after.name].every((name) => name === file.origin)
    const isNext = keys.length === 0 ? pair[0] !== pair[1] : keys.at(-1) === pair[0] && !keys.includes(pair[1])
    const isLast = size === leafIndex + 1 && size > from && reached !== null && same(reached, root)
    const isKept = await continues({ size, root }, now, consistency.map(fromBase64))
    const signatures = await Promise.all([before, after].map((key) => isSigned(key, signed, lines)))
    if (signatures.includes(false)) wrong.push(`The hand-over at leaf ${leafIndex} is not signed by both keys.`)
    if (![isAppointment, isOwn, isNext, isLast, isKept].every(Boolean)) {
      wrong.push(`The hand-over at leaf ${leafIndex} does not lead to the key of this file.`)
    }
    if (keys.length === 0) keys.push(pair[0])
    keys.push(pair[1])
    from = size
  }
  if (keys.length > 0 && keys.at(-1) !== file.verifierKey) wrong.push('The hand-overs lead to another key.')
  return { wrong, before: keys.slice(0, -1) }
}

async function check(file) {
  const wrong = []
  const key = await readKey(file.verifierKey)
  const { signed, lines, origin, size, root } = readNote(file.checkpoint)
  const signature = await isSigned(key, signed, lines)
  if (signature === false) wrong.push('The signature does not fit the checkpoint.')
  const handOvers = await followHandOvers(file, { size, root })
  wrong.push(...handOvers.wrong)
  if (origin !== file.origin || key.name !== file.origin) wrong.push('File, checkpoint and key name different logs.')

  const last = new Map()
  const bodies = new Map()
  const leaves = new Map()
  const bySelf = file.tree === undefined
  for (const { leafIndex, body, proof } of file.events) {
    const leaf = await leafHash(body)
    leaves.set(leafIndex, leaf)
    const reached = bySelf ? await rootFrom(leaf, leafIndex, size, proof.map(fromBase64)) : root
    const event = readBody(body)
    if (event === null) {
      wrong.push(`leaf ${leafIndex}: what it says is not what the checkpoint holds there, and no event at all.`)
      continue
    }
    const where = `leaf ${leafIndex}, ${event.type} (${event.stream} #${event.seq})`
    const before = last.get(event.stream)
    if (reached === null || !same(reached, root)) {
      wrong.push(`${where}: what it says is not what the checkpoint holds there.`)
      document.querySelector(`tr[data-leaf="${Number(leafIndex)}"]`)?.classList.add('differs')
    }
    if (event.seq !== (before?.seq ?? 0) + 1 || event.prev !== (before?.hash ?? null)) {
      wrong.push(`${where}: it does not follow the event before it in its stream.`)
    }
    if (before?.type === 'closed') wrong.push(`${where}: it comes after the end of its stream.`)
    last.set(event.stream, { seq: event.seq, hash: hex(leaf), type: event.type })
    bodies.set(leafIndex, event)
  }
  for (const { leafIndex, body, proof } of file.singles ?? []) {
    const event = readBody(body)
    const reached = await rootFrom(await leafHash(body), leafIndex, size, proof.map(fromBase64))
    const where = `leaf ${leafIndex}${event === null ? '' : `, ${event.type} (${event.stream} #${event.seq})`}`
    if (reached === null || !same(reached, root)) {
      wrong.push(`${where}: what it says is not what the checkpoint holds there.`)
      document.querySelector(`tr[data-leaf="${Number(leafIndex)}"]`)?.classList.add('differs')
    }
    if (last.has(event?.stream)) wrong.push(`${where}: it stands alone, and its stream is here.`)
  }
  for (const { leafIndex, path, salt, value } of file.reveals) {
    const place = bodies.get(leafIndex)?.data[path]
    if (place?.salted === hex(await sha256(joined(fromHex(salt), bytesOf(value))))) continue
    wrong.push(`leaf ${leafIndex}, ${path}: the text is not the one that was recorded.`)
  }
  for (const { hash, text: policy } of file.policies ?? []) {
    if (hex(await sha256(bytesOf(policy))) !== hash) wrong.push(`The policy ${hash.slice(0, 12)} has another text.`)
  }
  const row = bySelf ? null : await layRow(file.tree, leaves, size)
  if (row !== null && !same(row.root, root)) wrong.push('The leaves are not those that the checkpoint holds.')
  const found = row !== null && file.population ? checkPopulation(file.population, row, bodies, last) : null
  wrong.push(...(found?.wrong ?? []))
  return { wrong, signature, size, doubts: found?.doubts ?? [], before: handOvers.before }
}

/** Section 9: the whole tree from left to right. */
async function layRow(tree, leaves, size) {
  const edge = []
  const shown = []
  const withheld = []
  let [place, next] = [0, 0]
  while (place < size) {
    const own = leaves.get(place)
    const entry = own === undefined ? tree[next++] : { height: 0 }
    if (entry === undefined || place % 2 ** (entry.height ?? 0) !== 0) break
    if (entry.body !== undefined) shown.push({ leafIndex: place, ...readBody(entry.body) })
    else if (own === undefined) withheld.push([place, place + 2 ** entry.height])
    let node = own ?? (entry.body === undefined ? fromBase64(entry.hash) : await leafHash(entry.body))
    let height = entry.height ?? 0
    place += 2 ** height
    for (; edge.at(-1)?.height === height; height++) node = await nodeHash(edge.pop().node, node)
    edge.push({ height, node })
  }
  let root = place === size && next === tree.length ? edge.pop()?.node : undefined
  while (root !== undefined && edge.length > 0) root = await nodeHash(edge.pop().node, root)
  return { root: root ?? new Uint8Array(), shown, withheld, size }
}

const HOUR = 3_600_000

/** Section 10: that nothing is left out, as far as leaves are shown. */
function checkPopulation({ from, until, person, target, first, end }, { shown, withheld, size }, bodies, streams) {
  const wrong = []
  const belongs = ({ stream, seq, type, at, data }) =>
    [stream?.startsWith('grant:'), seq === 1, type === 'request.asked', at >= from, at < until].every(Boolean) &&
    (person === null || data.by === person || data.for === person) &&
    (target === null || data.target === target)
  if (end > size) wrong.push('What was looked through ends beyond the tree.')
  for (const body of shown) {
    const where = `leaf ${body.leafIndex} (${body.stream} #${body.seq})`
    if (body.leafIndex < first || body.leafIndex >= end) wrong.push(`${where} is outside of what was looked through.`)
    if (belongs(body)) wrong.push(`${where} belongs to the period, and is left out.`)
    else if (streams.has(body.stream)) wrong.push(`${where} is of a request of the period, and is left out.`)
  }
  const own = [...bodies].map(([leafIndex, body]) => ({ leafIndex, ...body }))
  for (const one of own) {
    const isOne = one.seq === 1 && one.stream.startsWith('grant:')
    if (isOne && !(belongs(one) && one.leafIndex >= first && one.leafIndex < end)) {
      wrong.push(`${one.stream} does not belong to the period.`)
    }
  }
  const doubts = []
  const hidden = withheld.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, end) - Math.max(a, first)), 0)
  if (hidden > 0) doubts.push(`${hidden} of the ${end - first} leaves that were looked through are withheld.`)
  const range = [...shown, ...own.filter(({ leafIndex }) => leafIndex >= first && leafIndex < end)]
  range.sort((a, b) => a.leafIndex - b.leafIndex)
  if (first > 0 && range[0]?.leafIndex === first && range[0].at > from - HOUR) wrong.push('The range begins too late.')
  const tail = range.at(-1)
  if (tail?.leafIndex === end - 1 && tail.at < until + HOUR) {
    if (end < size) wrong.push('The range ends too early.')
    else doubts.push('The log of this file ends before the period and an hour more.')
  }
  let highest = 0
  for (const { leafIndex, at, type } of range) {
    if (at < highest - HOUR) doubts.push(`The time of leaf ${leafIndex} does not fit its place.`)
    if (type !== 'origin-started') highest = Math.max(highest, at)
  }
  return { wrong, doubts }
}

function show(state, words, wrong = []) {
  for (const row of document.querySelectorAll('tr.differs')) row.closest('details')?.setAttribute('open', '')
  document.getElementById('check').dataset.state = state
  says.textContent = words
  const line = document.querySelector('.line')
  line?.classList.toggle('void', state === 'bad')
  if (state === 'half') line?.classList.replace('shown', 'unclear')
  const items = wrong.slice(0, 20).map((what) => {
    const item = document.createElement('li')
    item.textContent = what
    return item
  })
  document.getElementById('check-list').replaceChildren(...items)
}

async function run() {
  if (globalThis.crypto?.subtle === undefined) {
    show('unchecked', 'Not checked: this browser gives no cryptography to a page opened in this way.')
    return
  }
  let file
  /** The keys that lead to the one of this file, where that was found. */
  let known = []
  try {
    file = JSON.parse(text)
    const { wrong, signature, size, doubts, before } = await check(file)
    if (wrong.length === 0 && signature) known = before
    const steps =
      before.length === 1
        ? ', and how the log came to it from another'
        : `, and how the log came to it over ${before.length} others`
    const whole = file.population && doubts.length === 0 ? ', and that none of the period is missing' : ''
    const all = `${file.events.length + (file.singles ?? []).length} events and their proofs in a tree of ${size}`
    if (wrong.length > 0) show('bad', `Not as it was recorded: ${wrong.length} of the checks fail.`, wrong)
    else if (signature === null) {
      show('half', `${all} fit together. The signature is not checked: this browser knows no Ed25519.`)
    } else if (doubts.length > 0) {
      show(
        'half',
        `Genuine, under the key in this file: ${all}. It is NOT shown that none of the period is missing.`,
        doubts,
      )
    } else
      show(
        'good',
        `Verified here, under the key in this file: ${all}, and the signature of the checkpoint${before.length === 0 ? '' : steps}${whole}.`,
      )
  } catch {
    show('bad', 'Not as it was recorded: the evidence in this page cannot be read.')
    return
  }
  offer(file, known)
}

/** As it was written: what may be long has an entry a line. */
function textOf(file) {
  if (file.population === undefined) return `${JSON.stringify(file, null, 2)}\n`
  const listed = (entries) =>
    entries.length === 0 ? '[]' : `[\n${entries.map((one) => JSON.stringify(one)).join(',\n')}\n]`
  const members = Object.entries(file).map(([name, value]) => {
    return `${JSON.stringify(name)}: ${Array.isArray(value) ? listed(value) : JSON.stringify(value)}`
  })
  return `{\n${members.join(',\n')}\n}\n`
}

function offer(file, known) {
  document.getElementById('tools').hidden = false
  document.getElementById('save').addEventListener('click', () => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([textOf(file)], { type: 'application/json' }))
    link.download = 'evidence.json'
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  })
  const given = document.getElementById('given')
  given.addEventListener('input', async () => {
    const said = given.value.trim()
    const digits = said.replace(/[\s:]/g, '').toLowerCase()
    const isIt = async (vkey) => said === vkey || digits === hex(await sha256(bytesOf(vkey)))
    const isBefore = (await Promise.all(known.map(isIt))).includes(true)
    document.getElementById('given-says').textContent =
      said === ''
        ? ''
        : (await isIt(file.verifierKey))
          ? 'It is the key of this file.'
          : isBefore
            ? 'It is a key that the log had before, and it leads to the key of this file.'
            : 'It is NOT the key of this file.'
  })
}

// On paper nobody can open it, and not every browser prints what is closed.
addEventListener('beforeprint', () => {
  for (const folded of document.querySelectorAll('.fold details')) folded.open = true
})

void run()
