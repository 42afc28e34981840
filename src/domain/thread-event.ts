import { type Approver, type Assurance, readIdBody } from './grant-event.ts'

/**
 * What people wrote under one of our cards, as it was heard: stream `thread:<stream of the card>`, beside the stream that
 * the card shows and not in it. Chatter is as much as people like to write, in its own time, also after a grant is closed;
 * in the grant's own stream each line would make a decision that was folded a moment before begin anew, and would be read
 * again with every one of them. What came first is told by the leaf indexes all the same. It is never closed.
 *
 * The events are facts of the platform: `sentAt` is its time in epoch ms, `by` who it says it was, as far as the account is
 * linked. Texts are private: the body has their salted hash.
 */
export type ThreadEvent =
  | Fact<'thread.written', Told & { files: number }>
  /** The text is the new one; the one before is in an event before, where it was heard. */
  | Fact<'thread.edited', Told & { version: string }>
  /** The platform does not say by whom. */
  | Fact<'thread.deleted', LineAt & { late?: true }>
  /** More was written than is mirrored, between two times of the platform. */
  | Fact<'thread.flooded', ThreadAt & { count: number; from: number; until: number }>
  /** Found by reading the thread back: one of ours is missing or was changed by other hands, or another bot wrote. */
  | Fact<'thread.differs', LineAt & { what: ThreadDifference; notice?: string }>
  /** Read back from the beginning to `upTo` (epoch ms of the platform); `messages` stood there. */
  | Fact<'thread.compared', ThreadAt & { messages: number; upTo: number }>
  | Fact<
      'thread.redaction-asked',
      {
        line: string
        by: string
        as: readonly string[]
        /** Private. */
        reason: string
        /** Who may be the second. */
        confirmers: readonly Approver[]
        pendingUntil: number
        policy: string
        assurance: Assurance
      }
    >
  | Fact<'thread.redaction-declined', SecondPerson>
  /** The texts are erased; their salted hashes stay where they were. `texts`: how many there were. */
  | Fact<'thread.redacted', SecondPerson & { as: readonly string[]; texts: number }>

/** With `thread.redacted`: which texts the database removes, in the same transaction. */
export type TextsRedacted = Fact<
  'texts.erased',
  {
    redaction: string
    by: readonly string[]
    texts: readonly { readonly stream: string; readonly seq: number; readonly paths: readonly string[] }[]
  }
>

export type ThreadDifference = 'missing' | 'edited' | 'foreign'

/** A thread, as its platform knows it. */
export interface ThreadAt {
  readonly platform: string
  readonly channel: string
  /** The card. */
  readonly root: string
}

interface LineAt extends ThreadAt {
  readonly message: string
  /** Its id here, over all its versions: `T-7K3QF2M9`. */
  readonly line: string
  readonly sentAt: number
}

interface Told extends LineAt {
  /** Null: the account is nobody's here. */
  readonly by: string | null
  /** Of the account, where it is nobody's: the same as in the name of its stream. */
  readonly stranger?: string
  /** Private. Empty where it was withheld, or there were files alone. */
  readonly text: string
  /** How long it was in characters, where only the beginning is kept. */
  readonly cut?: number
  /** It looked like a secret of this kind, and was not kept. */
  readonly withheld?: string
  /** Not heard when it happened, but found there by reading the thread back, or in what came after. */
  readonly late?: true
}

interface SecondPerson {
  readonly line: string
  readonly by: string
  /** The place of what was asked. */
  readonly asked: number
  readonly policy: string
  readonly assurance: Assurance
}

interface Fact<Type extends string, Data> {
  readonly type: Type
  readonly data: Readonly<Data>
}

const THREAD_STREAMS = 'thread:'

/**
 * A platform deletes by schedule: nothing stands in the channel up to `until` (epoch ms of the platform), of anybody. Stream
 * `threads:<platform>:<channel>`; `keptForMs` is how old the youngest of it was, and it is said again only when that falls.
 */
export type ThreadsExpired = Fact<
  'threads.expired',
  { platform: string; channel: string; until: number; keptForMs: number }
>

export function retentionStream(platform: string, channel: string): string {
  return `threads:${platform}:${channel}`
}

/** @param stream of what the card shows */
export function threadStream(stream: string): string {
  return `${THREAD_STREAMS}${stream}`
}

/** The stream that the card of a thread shows, or null for another kind of stream. */
export function cardOfThread(stream: string): string | null {
  return stream.startsWith(THREAD_STREAMS) ? stream.slice(THREAD_STREAMS.length) : null
}

/** Reads the id of a line as a person typed it. */
export function readLineId(typed: string): string | null {
  const body = /^T-([0-9A-Z]{8})$/.exec(typed.trim().toUpperCase())?.[1]
  return body === undefined ? null : `T-${readIdBody(body)}`
}
