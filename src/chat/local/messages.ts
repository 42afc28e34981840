import { randomUUID } from 'node:crypto'
import type { PendingQuery } from 'postgres'
import type { Db, Tx } from '../../db/transaction.ts'
import { type Card, ChatError, type Line, type MessageRef } from '../../ports/chat.ts'

export const LOCAL_PLATFORM = 'local'
/** A reader sees this many of the newest root messages, each with its whole thread. */
const SHOWN_ROOTS = 200
/** Any number that no other lock of ours uses: 'chat' in ASCII. */
const VERSION_LOCK = 0x63686174

export interface StoredMessage {
  readonly id: string
  readonly channel: string
  readonly root: string | null
  readonly content: Card | Line
  readonly version: number
  /** Epoch ms. */
  readonly postedAt: number
  readonly updatedAt: number
}

/** Keeps a message unless its key is there already. @returns the message that the key stands for */
export async function insertMessage(
  db: Db,
  message: { channel: string; root: string | null; key: string; content: Card | Line; at: number },
): Promise<MessageRef> {
  const [posted] = await inVersionOrder<{ id: string; channel: string }>(
    db,
    (tx) => tx`
      insert into local_chat_messages (id, channel, root, key, content, version, posted_at, updated_at)
      select ${randomUUID()}, ${message.channel}, ${message.root}, ${message.key}, ${JSON.stringify(message.content)},
             coalesce(max(version), 0) + 1, ${message.at}, ${message.at}
      from local_chat_messages
      on conflict (key) do nothing
      returning id, channel`,
  )
  const standing = posted ?? (await findByKey(db, message.key))
  if (standing === null) throw new ChatError('unreachable', `Message ${message.key} is neither new nor there`)
  return { platform: LOCAL_PLATFORM, channel: standing.channel, id: standing.id }
}

async function findByKey(db: Db, key: string): Promise<{ id: string; channel: string } | null> {
  const [row] = await db<{ id: string; channel: string }[]>`
    select id, channel from local_chat_messages where key = ${key}`
  return row ?? null
}

/** @returns false when there is no such message */
export async function replaceMessage(
  db: Db,
  ref: { channel: string; id: string },
  content: Card | Line,
  at: number,
): Promise<boolean> {
  const rows = await inVersionOrder(
    db,
    (tx) => tx`
      update local_chat_messages
      set content = ${JSON.stringify(content)}, updated_at = ${at},
          version = (select max(version) + 1 from local_chat_messages)
      where id = ${ref.id} and channel = ${ref.channel}
      returning id`,
  )
  return rows.length > 0
}

/** The root of the thread that a message belongs to: itself, unless it is a reply. */
export async function findThreadRoot(db: Db, ref: MessageRef): Promise<{ id: string; channel: string } | null> {
  const [row] = await db<{ id: string; channel: string }[]>`
    select coalesce(root, id) as id, channel from local_chat_messages
    where id = ${ref.id} and channel = ${ref.channel}`
  return row ?? null
}

/** What somebody sees who opens the page now, in the order of versions. */
export async function readNewestMessages(db: Db): Promise<StoredMessage[]> {
  const rows = await db<MessageRow[]>`
    with shown as (
      select id from local_chat_messages where root is null order by posted_at desc, version desc limit ${SHOWN_ROOTS}
    )
    select id, channel, root, content, version, posted_at, updated_at from local_chat_messages
    where id in (select id from shown) or root in (select id from shown)
    order by version`
  return rows.map(toMessage)
}

/** What was posted or updated after `version`, in the order of versions. */
export async function readMessagesAfter(db: Db, version: number): Promise<StoredMessage[]> {
  const rows = await db<MessageRow[]>`
    select id, channel, root, content, version, posted_at, updated_at from local_chat_messages
    where version > ${version}
    order by version`
  return rows.map(toMessage)
}

export async function readNewestVersion(db: Db): Promise<number> {
  const [row] = await db<{ version: number }[]>`
    select coalesce(max(version), 0) as version from local_chat_messages`
  return row?.version ?? 0
}

/**
 * One writer at a time until its commit is visible: a reader who asks for what is newer misses nothing. The lock, the
 * statement and the commit go out together: nobody else waits for this process while it has something else to do.
 */
async function inVersionOrder<Row extends object>(
  db: Db,
  write: (tx: Tx) => PendingQuery<Row[]>,
): Promise<readonly Row[]> {
  const { written } = await db.begin((tx) => {
    // Where this fails, so does what follows.
    tx`select pg_advisory_xact_lock(${VERSION_LOCK})`.catch(() => undefined)
    const written = write(tx).execute()
    written.catch(() => undefined)
    return { written }
  })
  return written
}

interface MessageRow {
  id: string
  channel: string
  root: string | null
  content: string
  version: number
  posted_at: number
  updated_at: number
}

function toMessage(row: MessageRow): StoredMessage {
  return {
    id: row.id,
    channel: row.channel,
    root: row.root,
    content: JSON.parse(row.content) as Card | Line,
    version: row.version,
    postedAt: row.posted_at,
    updatedAt: row.updated_at,
  }
}
