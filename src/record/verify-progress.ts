import { createHmac, timingSafeEqual } from 'node:crypto'
import { growTree } from './tree.ts'
import { canonicalJson } from './verify.ts'
import type { TreeState } from './verify-tree.ts'

const FORMAT = 'countersign-progress/2'
const HEX_HASH = /^[0-9a-f]{64}$/

/**
 * How far a check of the log has come without a doubt, as a text for a file. Never for the database that is checked:
 * whoever can write there must not be able to say what was found right. It carries a MAC of its own with the MAC key,
 * so that a file that somebody else made or changed is refused.
 */
export function writeProgress(macKey: Buffer, progress: Progress): string {
  const { origin, tree, events, chains, salt, readAt, pruned } = progress
  const text = canonicalJson({
    ...{
      format: FORMAT,
      origin,
      size: tree.size,
      root: rootOf(tree),
      events,
      chains,
      salt,
      readAt,
      pruned,
    },
    edge: tree.edge.map(hex),
    open: tree.open.map((hashes) => hashes.map(hex)),
  })
  return `${JSON.stringify({ progress: text, mac: macOf(macKey, text) })}\n`
}

/**
 * @param file what `writeProgress` made
 * @throws ProgressRefused for another log, another key, or what is not ours
 */
export function readProgress(macKey: Buffer, origin: string, file: string): Progress {
  const { text, mac } = parseFile(file)
  const expected = Buffer.from(macOf(macKey, text))
  const given = Buffer.from(mac)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new ProgressRefused('it was changed, or written with another MAC key')
  }
  // Written by us, so in form: a further version has another format.
  const { format, size, root, events, chains, salt, readAt, pruned = 0, edge, open, ...rest } = JSON.parse(text)
  if (format !== FORMAT) throw new ProgressRefused(`it is ${format}, not ${FORMAT}`)
  if (rest.origin !== origin) throw new ProgressRefused(`it is about ${rest.origin}, not about ${origin}`)
  const tree = { size, edge: edge.map(bytes), open: open.map((hashes: string[]) => hashes.map(bytes)) }
  if (rootOf(tree) !== root) throw new ProgressRefused('its tree does not have the root that it says')
  return { origin, tree, events, chains, salt, readAt, pruned }
}

/** When the first leaf was read, epoch ms, as the file says: only `readProgress` proves it. Null when it says nothing. */
export function progressReadAt(file: string): number | null {
  try {
    const { readAt } = JSON.parse(parseFile(file).text)
    return typeof readAt === 'number' ? readAt : null
  } catch {
    return null
  }
}

function parseFile(file: string): { text: string; mac: string } {
  try {
    const { progress: text, mac } = JSON.parse(file)
    if (typeof text === 'string' && typeof mac === 'string') return { text, mac }
  } catch {
    // Said below.
  }
  throw new ProgressRefused('it is no file of progress')
}

function macOf(macKey: Buffer, text: string): string {
  // Another purpose than that of events, so that the one can never stand for the other.
  const key = createHmac('sha256', macKey).update('countersign progress of verification').digest()
  return createHmac('sha256', key).update(text).digest('hex')
}

function rootOf({ size, edge }: TreeState): string {
  const hashes = [...edge]
  return hex(growTree(size, () => hashes.shift() ?? Buffer.alloc(0)).root())
}

function hex(value: Buffer): string {
  return value.toString('hex')
}

function bytes(value: string): Buffer {
  if (!HEX_HASH.test(value)) throw new ProgressRefused('a hash is missing')
  return Buffer.from(value, 'hex')
}

export interface Progress {
  readonly origin: string
  /** Of the leaves that were found right, and so the size and the root that the rest must continue. */
  readonly tree: TreeState
  readonly events: number
  /** What is left of the sum over chains. */
  readonly chains: string
  /** The key of the sum is made of it. */
  readonly salt: string
  /** Epoch ms when the first of these leaves was read. */
  readonly readAt: number
  /** Leaves that had been pruned by then. */
  readonly pruned: number
}

/** The file is not what an earlier check of this log left. Check from the beginning. */
export class ProgressRefused extends Error {
  readonly code = 'PROGRESS_REFUSED'
  override name = 'ProgressRefused'
}
