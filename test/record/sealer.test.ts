import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WitnessRefused } from '../../src/ports/witness.ts'
import { createRecord } from '../../src/record/record.ts'
import { openNote, parseCheckpoint, parseVkey } from '../../src/record/verify.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'
import { createFakeWitness, type FakeWitness } from './fake-witness.ts'
import { createMemoryTree } from './memory-tree.ts'
import {
  append,
  asVandal,
  createRecordDatabase,
  createReplica,
  createTestSigner,
  type RecordDatabase,
  type Replica,
} from './record-fixture.ts'

let db: RecordDatabase
let clock: TestClock
let witness: FakeWitness
let signer: ReturnType<typeof createTestSigner>
let replicas: Replica[]

beforeEach(async () => {
  db = await createRecordDatabase()
  clock = createTestClock()
  witness = createFakeWitness()
  signer = createTestSigner()
  replicas = []
})
afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.stop()))
  await db.drop()
})

function startReplica(options: Partial<Parameters<typeof createReplica>[1]> & { keys?: RecordDatabase } = {}): Replica {
  const replica = createReplica(options.keys ?? db, { signer, witnesses: [witness], clock, ...options })
  replicas.push(replica)
  replica.sealer.start()
  return replica
}

const statusOf = ({ sealer }: Replica) => sealer.state().status
const soon = <T>(look: () => T | Promise<T>) => vi.waitFor(look, { timeout: 60_000, interval: 5 })

/** Moves the clock until it is so: what waits for a poll or a retry gets it. */
async function whenSoon(look: () => unknown): Promise<void> {
  await soon(async () => {
    await clock.advance(250)
    await look()
  })
}

async function leaves(): Promise<Buffer[]> {
  const rows = await db.admin<{ leafHash: Buffer }[]>`
    select leaf_hash as "leafHash" from leaf where log = 1 order by leaf_index`
  return rows.map(({ leafHash }) => leafHash)
}

function headOf(note: string | undefined) {
  const { text } = openNote(note ?? '', [parseVkey(signer.vkey)])
  return parseCheckpoint(text)
}

test('what is committed is soon inside a checkpoint that the witness confirmed, and that our key signed', async () => {
  const { sealer } = startReplica()
  await append(db, 'request/1', 0, 'asked', 'approved')
  await append(db, 'request/2', 0, 'asked')
  sealer.kick()
  await Promise.all([sealer.sealed('request/1', 2), sealer.sealed('request/2', 1)])
  const head = headOf(witness.notes.at(-1))
  const sealed = await leaves()
  expect(head).toMatchObject({ origin: 'test.example/log', size: 3 })
  expect(head.root).toEqual(createMemoryTree(sealed).root())
  expect(new Set(sealed.map(String)).size).toBe(3)
  expect(await db.admin`select * from event_pending`).toHaveLength(0)
  expect(sealer.state()).toEqual({ status: 'sealing', size: 3, witnessed: 3, behind: [] })
  await sealer.sealed('request/1', 1) // long sealed
})

test('a stream keeps its order under the tree', async () => {
  const { sealer } = startReplica()
  await Promise.all(
    ['a', 'b', 'c'].map(async (stream) => {
      for (let seq = 0; seq < 30; seq++) {
        await append(db, stream, seq, 'said')
        sealer.kick()
      }
    }),
  )
  await Promise.all(['a', 'b', 'c'].map((stream) => sealer.sealed(stream, 30)))
  const rows = await db.admin<{ stream: string; seq: number }[]>`
    select e.stream, e.seq from leaf l join event e on e.leaf_hash = l.leaf_hash order by l.leaf_index`
  expect(rows).toHaveLength(90)
  for (const stream of ['a', 'b', 'c']) {
    expect(rows.filter((row) => row.stream === stream).map(({ seq }) => seq)).toEqual(
      [...Array(30).keys()].map((n) => n + 1),
    )
  }
  // Far fewer signatures than events: what comes while it seals is collected.
  expect(headOf(witness.notes.at(-1)).root).toEqual(createMemoryTree(await leaves()).root())
})

test('a backlog over many tiles gives the tree that the leaves give', async () => {
  await append(db, 'import', 0, ...Array.from({ length: 6_000 }, (_, n) => ({ type: 'said', data: { n } })))
  const { sealer } = startReplica()
  await sealer.sealed('import', 6_000)
  const memory = createMemoryTree(await leaves())
  expect(headOf(witness.notes.at(-1))).toMatchObject({ size: 6_000, root: memory.root() })
  const tiles = await db.admin<{ level: number; tileIndex: number; hashes: Buffer }[]>`
    select level, tile_index as "tileIndex", hashes from tile order by level, tile_index`
  expect(tiles.map(({ level, tileIndex, hashes }) => [level, tileIndex, hashes.length / 32])).toEqual([
    ...Array.from({ length: 23 }, (_, tileIndex) => [0, tileIndex, 256]),
    [1, 0, 23],
  ])
  for (const { level, tileIndex, hashes } of tiles) {
    for (let place = 0; place < hashes.length / 32; place++) {
      const node = memory.read(8 * level, 256 * tileIndex + place)
      expect(hashes.subarray(32 * place, 32 * place + 32).equals(node)).toBe(true)
    }
  }
})

test('the next sealer grows the same tree', async () => {
  await append(db, 'a', 0, ...Array.from({ length: 700 }, () => 'said'))
  const first = startReplica()
  await first.sealer.sealed('a', 700)
  await first.stop()
  const second = startReplica()
  await append(db, 'a', 700, ...Array.from({ length: 400 }, () => 'said'))
  second.sealer.kick()
  await second.sealer.sealed('a', 1_100)
  expect(headOf(witness.notes.at(-1))).toMatchObject({ size: 1_100, root: createMemoryTree(await leaves()).root() })
})

test('kicks within the debounce are collected', async () => {
  const { sealer } = startReplica({ debounceMs: 50 })
  await soon(() => expect(sealer.state().status).toBe('sealing'))
  for (const seq of [0, 1, 2]) {
    await append(db, 'a', seq, 'said')
    sealer.kick()
  }
  await clock.advance(49)
  expect(await leaves()).toHaveLength(0)
  await clock.advance(1)
  await sealer.sealed('a', 3)
  expect(witness.notes).toHaveLength(1)
})

describe('several replicas', () => {
  test('one leads, the others stand by, hear of what is sealed, and pass kicks on', async () => {
    const [one, two] = [startReplica(), startReplica()]
    await soon(() => expect([statusOf(one), statusOf(two)].sort()).toEqual(['sealing', 'standby']))
    const standby = statusOf(one) === 'standby' ? one : two
    await append(db, 'request/1', 0, 'asked')
    await soon(async () =>
      expect(await db.admin`select from pg_stat_activity where query like 'listen%'`).not.toHaveLength(0),
    )
    const sealed = standby.sealer.sealed('request/1', 1)
    await soon(async () => {
      standby.sealer.kick()
      expect(witness.notes).toHaveLength(1)
    })
    await sealed
    expect(statusOf(standby)).toBe('standby')
  })

  test('kicks are passed on again after the sessions that listen were lost', async () => {
    const [one, two] = [startReplica(), startReplica()]
    await soon(() => expect([statusOf(one), statusOf(two)].sort()).toEqual(['sealing', 'standby']))
    const standby = statusOf(one) === 'standby' ? one : two
    const listening = () => db.admin`
      select pid from pg_stat_activity where query like 'listen%' and datname = current_database()`
    await soon(async () => expect(await listening()).toHaveLength(2))
    await db.admin`
      select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%' and datname = current_database()`
    await append(db, 'request/1', 0, 'asked')
    await soon(async () => {
      standby.sealer.kick()
      expect(witness.notes).toHaveLength(1)
    })
    await soon(async () => expect(await listening()).toHaveLength(2))
  })

  test('when the leader loses its session another takes over, and the first stands by or leads again', async () => {
    const [one, two] = [startReplica(), startReplica()]
    await soon(() => expect([statusOf(one), statusOf(two)].sort()).toEqual(['sealing', 'standby']))
    for (let round = 1; round <= 5; round++) {
      await db.admin`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
        and database = (select oid from pg_database where datname = current_database())`
      await append(db, 'a', round - 1, 'said')
      await whenSoon(() => expect(headOf(witness.notes.at(-1)).size).toBe(round))
    }
    expect(headOf(witness.notes.at(-1)).root).toEqual(createMemoryTree(await leaves()).root())
  })
})

test('a leader that was held up while another went on stands by, and nobody is paged', async () => {
  const heldUp = startReplica()
  await soon(() => expect(statusOf(heldUp)).toBe('sealing'))
  let goOn = () => {}
  witness.before = () =>
    new Promise((resolve) => {
      witness.before = async () => {}
      goOn = resolve
    })
  await append(db, 'a', 0, 'said')
  heldUp.sealer.kick()
  await soon(async () => expect(await db.admin`select from checkpoint`).toHaveLength(1))
  await db.admin`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
    and database = (select oid from pg_database where datname = current_database())`
  const next = startReplica()
  await append(db, 'a', 1, 'said')
  next.sealer.kick()
  await next.sealer.sealed('a', 2)
  goOn()
  await whenSoon(() => expect(statusOf(heldUp)).toBe('standby'))
  expect([heldUp.alarms, next.alarms]).toEqual([[], []])
  expect(headOf(witness.notes.at(-1)).size).toBe(2)
})

test('a witness that refuses a tree though it holds nothing against it is a fork, and somebody is paged', async () => {
  witness.before = async () => {
    throw new WitnessRefused('no')
  }
  await append(db, 'a', 0, 'said')
  const replica = startReplica()
  await whenSoon(() => expect(replica.sealer.state()).toMatchObject({ status: 'forked', reason: 'witness-refused' }))
  expect(replica.alarms).toHaveLength(1)
})

describe('dying', () => {
  test('between the tree and its signature: the next one signs the same tree', async () => {
    const dying = { ...signer, sign: () => new Promise<Buffer>(() => {}) }
    const first = startReplica({ signer: dying })
    await append(db, 'a', 0, 'said', 'said')
    first.sealer.kick()
    await soon(async () => expect(await leaves()).toHaveLength(2))
    expect(witness.notes).toEqual([])
    replicas = []
    void first.sealer.stop() // never ends: it hangs in the signature
    await db.admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'replica'
      and datname = current_database()`
    const second = startReplica()
    await second.sealer.sealed('a', 2)
    expect(headOf(witness.notes.at(-1))).toMatchObject({ size: 2, root: createMemoryTree(await leaves()).root() })
  })

  test('between the witness and the row: the next one puts on record what the witness has', async () => {
    const one = startReplica()
    await append(db, 'request/1', 0, 'asked')
    one.sealer.kick()
    await one.sealer.sealed('request/1', 1)
    await one.stop()
    await asVandal(db.admin, (sql) => sql`delete from checkpoint`)
    const next = startReplica()
    await soon(() => expect(statusOf(next)).toBe('sealing'))
    expect(await db.admin`select note from checkpoint`).toEqual([{ note: witness.notes[0] }])
  })

  test('between the signature and the witness: the next one brings the same checkpoint', async () => {
    witness.isReachable = false
    const first = startReplica()
    await soon(() => expect(first.sealer.state()).toMatchObject({ status: 'waiting', message: 'fake is not there' }))
    witness.isReachable = true
    await whenSoon(() => expect(statusOf(first)).toBe('sealing'))
    witness.isReachable = false
    await append(db, 'a', 0, 'said')
    first.sealer.kick()
    await soon(async () => expect(await db.admin`select from checkpoint`).toHaveLength(1))
    expect(first.sealer.state()).toMatchObject({ size: 1, witnessed: 0, behind: [{ error: 'fake is not there' }] })
    await first.stop()
    replicas = []
    witness.isReachable = true
    const second = startReplica()
    await second.sealer.sealed('a', 1)
    const [row] = await db.admin`select note from checkpoint`
    expect(witness.notes).toEqual([row?.note])
  })
})

test('while a witness is away sealing goes on; when it is back it gets the newest', async () => {
  const { sealer, alarms } = startReplica()
  await append(db, 'a', 0, 'said')
  sealer.kick()
  await sealer.sealed('a', 1)
  witness.isReachable = false
  for (const seq of [1, 2, 3]) {
    await append(db, 'a', seq, 'said')
    sealer.kick()
    await soon(async () => expect(await leaves()).toHaveLength(seq + 1))
  }
  expect(sealer.state()).toMatchObject({ status: 'sealing', size: 4, witnessed: 1 })
  witness.isReachable = true
  await whenSoon(() => expect(sealer.state()).toEqual({ status: 'sealing', size: 4, witnessed: 4, behind: [] }))
  expect(witness.notes.map((note) => headOf(note).size)).toEqual([1, 4])
  expect(alarms).toEqual([])
})

describe('forgery', () => {
  test('a pending row of an event without our MAC is quarantined, named, and stops nothing', async () => {
    const { sealer, alarms } = startReplica()
    const forger = createRecord({ ...db.keys, macKey: Buffer.alloc(32) })
    await append({ app: db.app, record: forger }, 'request/1', 0, 'approved')
    await db.admin`insert into event_pending (leaf_hash, at) values (sha256('nothing'), 0)`
    await append(db, 'request/2', 0, 'asked')
    sealer.kick()
    await sealer.sealed('request/2', 1)
    expect(await leaves()).toHaveLength(1)
    expect(await db.admin`select what, why from quarantine order by id`).toEqual([
      { what: 'request/1 #1', why: 'mac-wrong' },
      { what: expect.stringMatching(/^pending row \d+$/), why: 'no such event' },
    ])
    expect(alarms.map(({ code }) => code)).toEqual(['forged-pending', 'forged-pending'])
    expect(alarms[0]?.message).toContain('request/1 #1')
    expect(await db.admin`select from event_pending`).toHaveLength(0)
  })

  test('a genuine event whose body was changed before it was sealed is quarantined, and so is what builds on it', async () => {
    await append(db, 'request/1', 0, { type: 'asked', data: { for: 'prod-db' } }, 'approved')
    await asVandal(db.admin, (sql) => sql`update event set body = replace(body, 'prod-db', 'mail') where seq = 1`)
    const { sealer } = startReplica()
    await append(db, 'request/2', 0, 'asked')
    sealer.kick()
    await sealer.sealed('request/2', 1)
    expect(await db.admin`select what, why from quarantine order by id`).toEqual([
      { what: 'request/1 #1', why: 'body-changed' },
      { what: 'request/1 #2', why: 'an event before it is missing' },
    ])
  })

  test('an event whose pending row was deleted is sealed with the one that follows it', async () => {
    await append(db, 'a', 0, 'one', 'two')
    await db.admin`delete from event_pending`
    await append(db, 'a', 2, 'three')
    const { sealer } = startReplica()
    await sealer.sealed('a', 3)
    const rows = await db.admin`select e.type from leaf l join event e using (leaf_hash) order by leaf_index`
    expect(rows.map(({ type }) => type)).toEqual(['one', 'two', 'three'])
  })

  test('a pending row twice, or of an event long sealed, changes nothing', async () => {
    const { sealer } = startReplica()
    await append(db, 'a', 0, 'one')
    await db.admin`insert into event_pending (leaf_hash, at) select leaf_hash, at from event`
    sealer.kick()
    await sealer.sealed('a', 1)
    await db.admin`insert into event_pending (leaf_hash, at) select leaf_hash, at from event`
    await append(db, 'a', 1, 'two')
    sealer.kick()
    await sealer.sealed('a', 2)
    expect(await leaves()).toHaveLength(2)
    expect(await db.admin`select from event_pending`).toHaveLength(0)
  })
})

describe('what the witness saw is not what the database holds', () => {
  async function sealSome(): Promise<Replica> {
    await append(db, 'a', 0, 'one', 'two', 'three')
    await append(db, 'b', 0, 'one')
    const replica = startReplica()
    await replica.sealer.sealed('b', 1)
    return replica
  }

  test('the tail is dropped under a running sealer: it refuses, pages once, and seals nothing more', async () => {
    const replica = await sealSome()
    await asVandal(db.admin, async (sql) => {
      await sql`delete from event where stream = 'b'`
      await sql`delete from stream_head where stream = 'b'`
      await sql`delete from leaf where leaf_index = 3`
      await sql`delete from checkpoint`
    })
    await append(db, 'c', 0, 'one')
    await whenSoon(() => expect(replica.sealer.state()).toMatchObject({ status: 'forked', reason: 'behind-witness' }))
    await clock.advance(10_000)
    await soon(() => expect(statusOf(replica)).toBe('forked'))
    expect(replica.alarms).toEqual([
      { code: 'record-forked', message: 'witness fake confirmed 4 events; the database has 3' },
    ])
    expect(witness.notes).toHaveLength(1)
    expect(await leaves()).toHaveLength(3)
  })

  test("yesterday's copy is put in place: the sealer refuses, until the right one is back", async () => {
    const replica = await sealSome()
    await replica.stop()
    replicas = []
    const yesterday = await createRecordDatabase()
    try {
      const restored = startReplica({ keys: { ...yesterday, keys: db.keys } })
      await append({ app: yesterday.app, record: createRecord(db.keys) }, 'a', 0, 'one')
      await whenSoon(() =>
        expect(restored.sealer.state()).toMatchObject({ status: 'forked', reason: 'behind-witness' }),
      )
      expect(restored.alarms).toHaveLength(1)
      await restored.stop()
    } finally {
      await yesterday.drop()
    }
    replicas = []
    const back = startReplica()
    await soon(() => expect(statusOf(back)).toBe('sealing'))
  })

  test('a tree of the same size with other leaves is refused', async () => {
    const replica = await sealSome()
    await replica.stop()
    replicas = []
    await asVandal(db.admin, (sql) => sql`update leaf set leaf_hash = sha256(leaf_hash) where leaf_index = 1`)
    const next = startReplica()
    await soon(() => expect(next.sealer.state()).toMatchObject({ status: 'forked', reason: 'not-a-prefix' }))
  })

  test('a leaf that no sealer put there is not signed', async () => {
    const replica = await sealSome()
    await replica.stop()
    replicas = []
    await asVandal(db.admin, (sql) => sql`insert into leaf values (1, 4, sha256('forged'))`)
    const next = startReplica()
    await soon(() => expect(next.sealer.state()).toMatchObject({ status: 'forked', reason: 'leaf-forged' }))
    expect(witness.notes).toHaveLength(1)
  })

  test('the whole tree is rewritten while the witness is empty: our own signature in the database refuses it', async () => {
    const replica = await sealSome()
    await replica.stop()
    replicas = []
    witness.notes.length = 0
    await asVandal(db.admin, (sql) => sql`update leaf set leaf_hash = sha256(leaf_hash) where leaf_index = 1`)
    const next = startReplica()
    await soon(() => expect(next.sealer.state()).toMatchObject({ status: 'forked', reason: 'not-a-prefix' }))
  })

  test('a witness that forgot is given the newest again, and somebody is told', async () => {
    const replica = await sealSome()
    await replica.stop()
    replicas = []
    const [note] = witness.notes.splice(0)
    const next = startReplica()
    await soon(() => expect(witness.notes).toEqual([note]))
    expect(next.alarms).toEqual([
      { code: 'witness-forgot', message: 'witness fake confirmed 4 events and now holds 0' },
    ])
  })

  test('a note in the witness that another key signed is refused', async () => {
    const other = startReplica({ signer: createTestSigner() })
    await append(db, 'a', 0, 'one')
    other.sealer.kick()
    await other.sealer.sealed('a', 1)
    await other.stop()
    replicas = []
    const next = startReplica()
    await soon(() => expect(next.sealer.state()).toMatchObject({ status: 'forked', reason: 'witness-note-wrong' }))
  })

  test('a forged checkpoint row is named, and the tree goes on', async () => {
    const replica = await sealSome()
    await replica.stop()
    replicas = []
    await db.admin`insert into checkpoint select log, 1000, root, note, at from checkpoint`
    const next = startReplica()
    await soon(() => expect(statusOf(next)).toBe('sealing'))
    expect(next.alarms.map(({ code }) => code)).toEqual(['checkpoint-forged'])
  })

  test('another origin than the record has is refused', async () => {
    const replica = await sealSome()
    await replica.stop()
    replicas = []
    const next = startReplica({ signer: createTestSigner('test.example/other'), witnesses: [createFakeWitness()] })
    await soon(() => expect(next.sealer.state()).toMatchObject({ status: 'forked', reason: 'another-origin' }))
  })
})

test('stopping twice is harmless, and who waits is told', async () => {
  const replica = startReplica()
  await soon(() => expect(statusOf(replica)).toBe('starting'))
  const waits = replica.sealer.sealed('never', 1)
  await Promise.all([replica.sealer.stop(), replica.sealer.stop(), expect(waits).rejects.toThrow('has stopped')])
  await expect(replica.sealer.sealed('a', 1)).rejects.toThrow('does not run')
})

test('who no longer wants to wait need not', async () => {
  const { sealer } = startReplica()
  const patience = new AbortController()
  const waits = sealer.sealed('never', 1, patience.signal)
  patience.abort()
  await expect(waits).rejects.toThrow('no longer waiting')
})
