import { randomBytes, randomUUID } from 'node:crypto'
import { closeDb, openDb } from '../src/db/client.ts'
import { migrate } from '../src/db/migrate.ts'
import type { Db, Tx } from '../src/db/transaction.ts'
import { migrateEffects } from '../src/effects/migrate-effects.ts'
import { createRecord } from '../src/record/record.ts'
import { canonicalJson, leafHash } from '../src/record/verify.ts'
import { startScratchCluster } from '../test/support/cluster.ts'
import { type Bench, BenchFailed } from './bench.ts'
import { listed, median } from './statistics.ts'

const ROUNDS = 15
const AT_ONCE = 16
const ROUND_MS = 1_000
const WARM_UP_MS = 500
/** What else the transaction of a decision does: other statements, and the way to the database and back. */
const OTHER_WORK_S = 0.005
const DATA = { words: 'x'.repeat(200) }

/**
 * Events recorded per second by 16 at once, each in a transaction that does 5 ms of other work: a chain a stream, over a
 * plain insert of the same row, and over one chain for all.
 */
export const append: Bench = {
  name: 'append',
  bounds: [
    { figure: 'append.vs-plain', least: 0.9 },
    { figure: 'append.vs-global-chain', least: 8 },
  ],
  async run(say) {
    const cluster = await startScratchCluster()
    const admin = openDb(cluster.urlFor('postgres'), { applicationName: 'bench', max: 1 })
    await admin`create database append`
    await closeDb(admin)
    const url = cluster.urlFor('append')
    await migrate(url, { also: [migrateEffects] })
    const db = openDb(url, { applicationName: 'bench append', max: AT_ONCE })
    const macKey = randomBytes(32)
    const record = createRecord({ macKey, seal: (text) => Buffer.from(text), open: (sealed) => sealed.toString() })
    await db`create table plain as select * from event with no data`
    await db`create table global_head (seq bigint not null, hash bytea not null)`
    await db`insert into global_head values (0, ''::bytea)`

    const ways: Readonly<Record<Way, (tx: Tx) => Promise<unknown>>> = {
      record: (tx) => record.append(tx, `bench:${randomUUID()}`, 0, [{ type: 'bench.event', data: DATA }], 0),
      plain: (tx) => insertPlain(tx, { stream: `plain:${randomUUID()}`, seq: 1, prev: null }),
      global: async (tx) => {
        const [head] = await tx<{ seq: number; hash: Buffer }[]>`select seq, hash from global_head for update`
        if (!head) throw new BenchFailed('the chain has no head')
        const place = { stream: 'global', seq: head.seq + 1, prev: head.hash.toString('hex') }
        const hash = await insertPlain(tx, place)
        await tx`update global_head set seq = ${place.seq}, hash = ${hash}`
        await workElsewhere(tx)
      },
    }
    try {
      for (const way of WAYS) await perSecond(db, way, ways[way], WARM_UP_MS)
      const rounds: Record<Way, number>[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const measured = { record: 0, plain: 0, global: 0 }
        for (const way of WAYS) measured[way] = await perSecond(db, way, ways[way], ROUND_MS)
        rounds.push(measured)
        say(`round ${round + 1}: ${WAYS.map((way) => `${way} ${Math.round(measured[way])}/s`).join(', ')}`)
      }
      await requireWritten(db)
      const ratios = (way: Way) => rounds.map((round) => round.record / round[way])
      const rates = (way: Way) => `${listed(rounds.map((round) => round[way]))}/s`
      return {
        figures: { 'append.vs-plain': median(ratios('plain')), 'append.vs-global-chain': median(ratios('global')) },
        behind: {
          'append.vs-plain': `recorded ${rates('record')}; plain inserts ${rates('plain')}`,
          'append.vs-global-chain': `one chain for all ${rates('global')}`,
        },
      }
    } finally {
      await closeDb(db)
      await cluster.remove()
    }
  },
}

const WAYS = ['plain', 'record', 'global'] as const
type Way = (typeof WAYS)[number]

/** The row of an event, with what it costs to make one, and no guard against a fork. @returns its leaf hash */
async function insertPlain(tx: Tx, place: { stream: string; seq: number; prev: string | null }): Promise<Buffer> {
  const body = canonicalJson({ ...place, type: 'bench.event', v: 1, at: 0, data: DATA })
  const hash = leafHash(body)
  await tx`
    insert into plain (stream, seq, type, v, at, body, prev, leaf_hash, mac)
    values (${place.stream}, ${place.seq}, 'bench.event', 1, 0, ${body}, null, ${hash}, ${hash})`
  return hash
}

/** The head of one chain for all is locked while the rest of its transaction is done: that is what is compared. */
async function workElsewhere(tx: Tx): Promise<void> {
  await tx`select pg_sleep(${OTHER_WORK_S})`
}

async function perSecond(db: Db, way: Way, write: (tx: Tx) => Promise<unknown>, forMs: number): Promise<number> {
  let written = 0
  const since = performance.now()
  const one = async () => {
    while (performance.now() - since < forMs) {
      await db.begin(async (tx) => {
        await write(tx)
        if (way !== 'global') await workElsewhere(tx)
      })
      written++
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  return (written * 1_000) / (performance.now() - since)
}

async function requireWritten(db: Db): Promise<void> {
  const [row] = await db<{ events: number; heads: number; waiting: number; chained: number; head: number }[]>`
    select (select count(*) from event) as events, (select count(*) from stream_head) as heads,
      (select count(*) from event_pending) as waiting,
      (select count(*) from plain where stream = 'global') as chained, (select seq from global_head) as head`
  if (!row || row.events === 0 || row.events !== row.heads || row.events !== row.waiting || row.chained !== row.head) {
    throw new BenchFailed(`not everything was written: ${JSON.stringify(row)}`)
  }
}
