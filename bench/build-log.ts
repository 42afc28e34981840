import { Writable } from 'node:stream'
import { closeDb, openDb } from '../src/db/client.ts'
import type { Db } from '../src/db/transaction.ts'
import { type GrantEvent, grantStream, PRIVATE_PATHS } from '../src/domain/grant-event.ts'
import { composeEvents, type NewEvent, type RecordKeys } from '../src/record/compose.ts'
import { type Signer, signCheckpoint } from '../src/record/signer.ts'
import { loadTree } from '../src/record/tiles.ts'
import { parseVkey } from '../src/record/verify.ts'
import { grantIds } from './seed-grants.ts'

const LOG = 1
/** Grants that are under way at the same time, their events between each other's. */
const AT_ONCE = 64
/** Events that the sealer finds waiting: so many are under one checkpoint more. */
const A_CHECKPOINT = 256
/** Events that have the same time: whole stories, as many as are under way together. */
export const EVENTS_A_STEP = AT_ONCE * 13
const PIECE = 64 * 1024
const START = Date.UTC(2026, 0, 5, 9)

/**
 * Puts grants from the asking to the proof of removal on the record, as the product writes them: chains, MACs, private
 * texts, tree, tiles and signed checkpoints by its own code; only the way into the tables is another, since COPY is quick.
 * @param url of the superuser, of a database that was migrated and is empty
 * @returns the newest signed note
 */
export async function buildLog(
  url: string,
  { keys, signer, events, from = START, stepMs = 60_000 }: LogToBuild,
): Promise<BuiltLog> {
  const db = openDb(url, { applicationName: 'bench build', max: 6 })
  const origin = parseVkey(signer.vkey).name
  await db`insert into log (id, origin, started_at) values (${LOG}, ${origin}, ${from})`
  const tables = {
    event: await copyInto(db, 'event (stream, seq, type, v, at, body, prev, leaf_hash, mac)'),
    head: await copyInto(db, 'stream_head (stream, seq, hash)'),
    text: await copyInto(db, 'private_text (leaf_hash, path, salt, sealed)'),
    leaf: await copyInto(db, 'leaf (log, leaf_index, leaf_hash)'),
    checkpoint: await copyInto(db, 'checkpoint (log, size, root, note, at)'),
  }
  const tree = await loadTree(db, LOG, 0)
  const tiles = new Map<string, readonly [number, number, Buffer]>()
  let bodyBytes = 0
  let note = ''

  async function write({ event, mac, privateTexts }: NewEvent): Promise<void> {
    const { stream, seq, type, v, at, body, prev } = event
    const leafHash = bytes(event.hash)
    bodyBytes += Buffer.byteLength(body)
    await tables.event.add([stream, seq, type, v, at, body, prev === null ? null : bytes(prev), leafHash, bytes(mac)])
    await tables.leaf.add([LOG, tree.size(), leafHash])
    for (const { path, salt, sealed } of privateTexts) {
      await tables.text.add([leafHash, path, bytes(salt), bytes(sealed)])
    }
    tree.append(Buffer.from(event.hash, 'hex'))
    if (tree.size() % A_CHECKPOINT === 0 || tree.size() === events) await sign(at)
  }

  async function sign(at: number): Promise<void> {
    for (const { level, tileIndex, hashes } of tree.takeChanged()) {
      tiles.set(`${level}/${tileIndex}`, [level, tileIndex, hashes])
    }
    const head = { size: tree.size(), root: tree.root() }
    note = await signCheckpoint(signer, head)
    await tables.checkpoint.add([LOG, head.size, bytes(head.root), note, at])
  }

  let [grants, at] = [0, from]
  while (tree.size() < events) {
    const stories = grantIds(AT_ONCE, grants).map((id) => ({
      stream: grantStream(id),
      drafts: storyOf(at).map(toDraft),
    }))
    grants += AT_ONCE
    let left = events - tree.size()
    const composed = stories.map(({ stream, drafts }) => {
      const some = drafts.slice(0, Math.max(0, left))
      left -= some.length
      return composeEvents(keys, { stream, seq: 0, hash: null }, some, at)
    })
    for (let step = 0; step < storyOf(at).length; step++) {
      for (const story of composed) for (const event of story.slice(step, step + 1)) await write(event)
    }
    for (const story of composed) {
      const last = story.at(-1)?.event
      if (last) await tables.head.add([last.stream, last.seq, bytes(last.hash)])
    }
    at += stepMs
  }
  for (const table of Object.values(tables)) await table.end()
  const tileTable = await copyInto(db, 'tile (log, level, tile_index, hashes)')
  for (const [level, index, hashes] of tiles.values()) await tileTable.add([LOG, level, index, bytes(hashes)])
  await tileTable.end()
  // As autovacuum leaves a database that has grown over months.
  await db`vacuum analyze`
  await closeDb(db)
  return { note, origin, grants: Math.floor(events / storyOf(at).length), bodyBytes }
}

async function copyInto(db: Db, table: string): Promise<CopiedTable> {
  const stream = await db.unsafe(`copy ${table} from stdin`).writable()
  if (!(stream instanceof Writable)) throw new Error('no stream to copy into')
  const ended = new Promise<void>((resolve, reject) => stream.once('error', reject).once('finish', resolve))
  ended.catch(() => undefined)
  let piece = ''
  const flush = () => new Promise<void>((resolve) => stream.write(piece, () => resolve()))
  return {
    async add(row) {
      piece += `${row.map(cell).join('\t')}\n`
      if (piece.length < PIECE) return
      await flush()
      piece = ''
    },
    async end() {
      if (piece !== '') await flush()
      stream.end()
      await ended
    },
  }
}

function cell(value: string | number | null): string {
  if (value === null) return '\\N'
  return String(value).replace(/[\\\n\t\r]/g, (char) => ESCAPES[char] ?? char)
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' }

function bytes(value: Buffer | string): string {
  return `\\x${typeof value === 'string' ? value : value.toString('hex')}`
}

function toDraft({ type, data }: GrantEvent) {
  const paths = PRIVATE_PATHS[type] ?? []
  const [open, sealed]: [Record<string, unknown>, Record<string, string>] = [{}, {}]
  for (const [name, value] of Object.entries(data)) {
    if (paths.includes(name)) sealed[name] = String(value)
    else open[name] = value
  }
  return { type, data: open, private: sealed }
}

/** What one grant leaves on the record when all goes well. */
function storyOf(at: number): GrantEvent[] {
  const policy = 'a'.repeat(64)
  const [account, endsAt] = ['jit_ana_7k3qf2', at + HOUR]
  const check = { name: 'account', expected: 'absent', observed: 'absent', ok: true }
  const step = (summary: string) => ({ summary, checks: [check], left: [] })
  return [
    {
      type: 'request.asked',
      data: {
        ...{ by: 'E101', for: 'E101', target: 'prod-db', entitlement: 'read', grants: 'app_read', durationMs: HOUR },
        ...{ reason: 'look into the failed payout of INC-42', channel: 'access', pendingUntil: endsAt, policy },
        ...{ approvers: [{ id: 'E104', as: ['manager'] }], rules: ['1 of manager'] },
      },
    },
    { type: 'request.signed', data: { by: 'E104', as: ['manager'], policy, assurance: 'click-only' } },
    { type: 'request.approved', data: { by: ['E104'], policy, usableUntil: endsAt } },
    {
      type: 'grant.providing',
      data: { account, endsBy: endsAt, nativeExpiry: endsAt + HOUR, checkpointSize: 1, policy },
    },
    {
      type: 'grant.active',
      data: { account, activatedAt: at, endsAt, warnAt: endsAt - 60_000, nativeExpiry: endsAt + HOUR, checks: [check] },
    },
    { type: 'grant.connection-shown', data: { by: 'E101' } },
    { type: 'grant.end-near', data: { endsAt } },
    { type: 'grant.ending', data: { cause: 'expired', by: null, due: endsAt } },
    { type: 'grant.disabled', data: step('logins are off') },
    { type: 'grant.sessions-ended', data: step('1 session ended') },
    { type: 'grant.access-removed', data: step('the account is dropped') },
    { type: 'grant.removed', data: { checks: [check, check, check], left: [], lateMs: 12 } },
    { type: 'closed', data: { count: 13 } },
  ]
}

const HOUR = 3_600_000

export interface LogToBuild {
  readonly keys: RecordKeys
  readonly signer: Signer
  /** How many. */
  readonly events: number
  /** When the first grants were asked for, epoch ms. */
  readonly from?: number
  /** Between one lot of `EVENTS_A_STEP` and the next. */
  readonly stepMs?: number
}

export interface BuiltLog {
  readonly note: string
  readonly origin: string
  /** How many are there whole. */
  readonly grants: number
  readonly bodyBytes: number
}

interface CopiedTable {
  add(row: readonly (string | number | null)[]): Promise<void>
  end(): Promise<void>
}
