import { bigint, customType, index, pgTable, primaryKey, smallint, text, unique } from 'drizzle-orm/pg-core'

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const whole = (name: string) => bigint(name, { mode: 'number' })
/** Epoch milliseconds. */
const moment = (name: string) => whole(name).notNull()

/** Facts, inserted and never changed. The body is what counts; the other columns are written beside it for queries. */
export const event = pgTable(
  'event',
  {
    stream: text('stream').notNull(),
    seq: whole('seq').notNull(),
    type: text('type').notNull(),
    v: whole('v').notNull(),
    at: moment('at'),
    body: text('body').notNull(),
    prev: bytea('prev'),
    leafHash: bytea('leaf_hash').notNull(),
    mac: bytea('mac').notNull(),
  },
  (t) => [
    primaryKey({ name: 'event_place_in_stream', columns: [t.stream, t.seq] }),
    unique('event_by_leaf_hash').on(t.leafHash),
    index('event_streams_with_type').on(t.type, t.stream),
    // Events lie in the order of their time, so a summary of the pages finds a week and costs an append next to nothing.
    index('event_of_a_period').using('brin', t.at).with({ pages_per_range: 32, autosummarize: true }),
  ],
)

/** What waits for the sealer. */
export const eventPending = pgTable('event_pending', {
  id: whole('id').primaryKey().generatedAlwaysAsIdentity(),
  leafHash: bytea('leaf_hash').notNull(),
  at: moment('at'),
})

/** The end of each stream, changed in the transaction that appends: of two writers on one stream, one loses. */
export const streamHead = pgTable('stream_head', {
  stream: text('stream').primaryKey(),
  seq: whole('seq').notNull(),
  hash: bytea('hash').notNull(),
})

/** Texts that may be erased. The body carries their salted hash. */
export const privateText = pgTable(
  'private_text',
  {
    leafHash: bytea('leaf_hash').notNull(),
    path: text('path').notNull(),
    salt: bytea('salt').notNull(),
    sealed: bytea('sealed').notNull(),
  },
  (t) => [primaryKey({ columns: [t.leafHash, t.path] })],
)

/** Trees, one an origin. The newest is the one that grows. */
export const log = pgTable('log', {
  id: smallint('id').primaryKey(),
  origin: text('origin').notNull().unique(),
  startedAt: moment('started_at'),
})

export const leaf = pgTable(
  'leaf',
  { log: smallint('log').notNull(), leafIndex: whole('leaf_index').notNull(), leafHash: bytea('leaf_hash').notNull() },
  (t) => [
    primaryKey({ name: 'leaf_place', columns: [t.log, t.leafIndex] }),
    unique('leaf_of_event').on(t.log, t.leafHash),
  ],
)

/**
 * 256 node hashes, those of height 8 · level. A tile of level 0 is written when it is full (until then its hashes are
 * in `leaf`), those above grow with each subtree of 256 that is complete.
 */
export const tile = pgTable(
  'tile',
  {
    log: smallint('log').notNull(),
    level: smallint('level').notNull(),
    tileIndex: whole('tile_index').notNull(),
    hashes: bytea('hashes').notNull(),
  },
  (t) => [primaryKey({ columns: [t.log, t.level, t.tileIndex] })],
)

export const checkpoint = pgTable(
  'checkpoint',
  {
    log: smallint('log').notNull(),
    size: whole('size').notNull(),
    root: bytea('root').notNull(),
    note: text('note').notNull(),
    at: moment('at'),
  },
  (t) => [primaryKey({ columns: [t.log, t.size] })],
)

/** That a witness confirmed a checkpoint: to show, never to trust. */
export const witnessReceipt = pgTable(
  'witness_receipt',
  {
    log: smallint('log').notNull(),
    size: whole('size').notNull(),
    witness: text('witness').notNull(),
    at: moment('at'),
  },
  (t) => [primaryKey({ columns: [t.log, t.witness, t.size] })],
)

/** What the sealer refused to put under the tree. */
export const quarantine = pgTable('quarantine', {
  id: whole('id').primaryKey().generatedAlwaysAsIdentity(),
  what: text('what').notNull(),
  why: text('why').notNull(),
  at: moment('at'),
})
