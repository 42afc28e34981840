import type { Tx } from '../db/transaction.ts'
import type { Found, WitnessHead } from './log-difference.ts'
import { growTree } from './tree.ts'
import { type NoteKey, openNote, parseCheckpoint, Refused, type TreeHead } from './verify.ts'

const PAGE = 500
const TILE_WIDTH = 256

/** Grows the tree again, leaf by leaf, and compares it with the tiles, the checkpoints and what the witnesses hold. */
export async function createTreeCheck(
  tx: Tx,
  log: number,
  key: NoteKey,
  witnesses: readonly WitnessHead[],
  found: Found,
): Promise<TreeCheck> {
  const tree = growTree(0, () => Buffer.alloc(0))
  const checkpoints = await readCheckpoints(tx, log, key, found)
  const levels = new Map<number, Buffer[]>()
  let complete: { level: number; tileIndex: number; hashes: Buffer }[] = []
  let whole = true

  async function compareHeads(): Promise<void> {
    const isDue = (checkpoints.peek()?.size ?? Infinity) <= tree.size()
    if (!isDue && !witnesses.some(({ size }) => size === tree.size())) return
    const head: TreeHead = { size: tree.size(), root: tree.root() }
    for (let next = checkpoints.peek(); next && next.size <= head.size; next = await checkpoints.shift()) {
      if (next.size < head.size || !next.root.equals(head.root))
        found('checkpoint-differs', `checkpoint of size ${next.size}`, next.at)
    }
    for (const { holder, size, root } of witnesses) {
      if (size === head.size && !root.equals(head.root)) found('witness-differs', `witness ${holder}, size ${size}`)
    }
  }

  function onNode(height: number, index: number, hash: Buffer): void {
    if (height % 8 !== 0) return
    const level = height / 8
    const hashes = levels.get(level) ?? []
    levels.set(level, hashes)
    hashes.push(hash)
    if (hashes.length < TILE_WIDTH) return
    complete.push({ level, tileIndex: Math.floor(index / TILE_WIDTH), hashes: Buffer.concat(hashes.splice(0)) })
  }

  async function compareTiles(): Promise<void> {
    for (const { level, tileIndex, hashes } of complete) {
      const [tile] = await tx<{ hashes: Buffer }[]>`
        select hashes from tile where log = ${log} and level = ${level} and tile_index = ${tileIndex}`
      if (!tile?.hashes.equals(hashes))
        found('tile-differs', `tile ${level}/${tileIndex}, leaf ${tileIndex * TILE_WIDTH ** (level + 1)}`)
    }
    complete = []
  }

  return {
    async add(leafIndex, leaf) {
      if (leafIndex !== tree.size()) whole = false
      // After a hole no root can be right: saying so for each checkpoint would bury the hole.
      if (!whole) return
      tree.append(leaf, onNode)
      if (complete.length > 0) await compareTiles()
      await compareHeads()
    },
    async end() {
      if (!whole) return
      const size = tree.size()
      for (const [level, hashes] of levels) {
        const tileIndex = Math.floor(size / TILE_WIDTH ** (level + 1))
        if (level > 0 && hashes.length > 0) complete.push({ level, tileIndex, hashes: Buffer.concat(hashes) })
      }
      await compareTiles()
      for (let next = checkpoints.peek(); next; next = await checkpoints.shift()) {
        found('checkpoint-differs', `checkpoint of size ${next.size}, while there are ${size} leaves`, next.at)
      }
      for (const { holder, size: held } of witnesses) {
        if (held > size) found('witness-differs', `witness ${holder} confirmed ${held} events, there are ${size}`)
      }
    },
  }
}

/** Our checkpoints in the database by rising size, a page at a time. A row that we did not sign is named and left out. */
async function readCheckpoints(tx: Tx, log: number, key: NoteKey, found: Found) {
  let page: Signed[] = []
  let last = -1

  async function fill(): Promise<void> {
    while (page.length === 0) {
      const rows = await tx<{ size: number; root: Buffer; note: string; at: number }[]>`
        select size, root, note, at from checkpoint where log = ${log} and size > ${last} order by size limit ${PAGE}`
      if (rows.length === 0) return
      for (const { size, root, note, at } of rows) {
        last = size
        const signed = openSigned(note, key)
        if (signed?.size === size && signed.root.equals(root)) page.push({ size, root, at })
        else found('checkpoint-forged', `checkpoint of size ${size}`)
      }
    }
  }

  await fill()
  return {
    peek: () => page[0],
    async shift() {
      page = page.slice(1)
      if (page.length === 0) await fill()
      return page[0]
    },
  }
}

function openSigned(note: string, key: NoteKey): TreeHead | null {
  try {
    const checkpoint = parseCheckpoint(openNote(note, [key]).text)
    return checkpoint.origin === key.name ? checkpoint : null
  } catch (error) {
    if (error instanceof Refused) return null
    throw error
  }
}

interface Signed extends TreeHead {
  readonly at: number
}

interface TreeCheck {
  add(leafIndex: number, leaf: Buffer): Promise<void>
  end(): Promise<void>
}
