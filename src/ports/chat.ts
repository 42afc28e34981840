import type { PlatformTime } from '../domain/platform-time.ts'
import type { ThreadReader } from './thread.ts'

/**
 * What Countersign says to people, and what it needs of a chat platform to say it. The model is
 * neutral: `cards/` builds it from state, each platform renders it. Nothing here is markup: what a
 * person typed travels as a `typed` span and is escaped by the renderer.
 */
export type Span =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'strong'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  /** Free text from a person: shown as it is, never interpreted. */
  | { readonly kind: 'typed'; readonly text: string }
  /** A person by identity id; platforms may mention them when `notify` is true. */
  | { readonly kind: 'person'; readonly identity: string; readonly name: string; readonly notify: boolean }
  /** A moment, shown in the reader's own time zone where the platform can. Epoch ms. */
  | { readonly kind: 'time'; readonly at: number; readonly show: 'time' | 'date-time' | 'time-seconds' }
  | { readonly kind: 'link'; readonly text: string; readonly url: string }

export type Text = readonly Span[]

export type Tone = 'waiting' | 'active' | 'done' | 'refused' | 'alarm' | 'info'

/** A root message: the state of one request, or an answer to one person. */
export interface Card {
  readonly tone: Tone
  /** Plain, at most 150 characters. Also the notification text. */
  readonly title: string
  /** One word of state beside the title: `waiting`, `active`, `removed`. */
  readonly badge: string | null
  readonly facts: readonly { readonly label: string; readonly value: Text }[]
  readonly body: readonly Text[]
  /** Under the body. */
  readonly chart?: Chart
  /** To be copied as it stands, line by line: a signed note. Ours, never what a person typed. */
  readonly verbatim?: string
  readonly buttons: readonly Button[]
  /** Small print. */
  readonly footer: Text
}

/** A picture of numbers, drawn where a platform takes one; `words` say the same where it does not, and to who cannot see it. */
export interface Chart {
  readonly words: string
  /** What the first and the second bar of each pair count. */
  readonly legend: readonly [string, string]
  readonly pairs: readonly { readonly label: string; readonly values: readonly [number, number] }[]
}

/** A line in a thread. */
export interface Line {
  readonly tone: Tone
  readonly text: Text
}

export interface Button {
  readonly action: ButtonAction
  readonly label: string
  readonly style: 'primary' | 'danger' | 'plain'
  /** The request, grant, order or finding that it acts on, the owner of a passkey, or the frozen target (`*` for everything), and the revision (stream seq) of the card it was drawn on. */
  readonly request: string
  readonly revision: number
}

export type ButtonAction =
  | 'approve'
  | 'deny'
  | 'cancel'
  | 'connect'
  | 'extend'
  | 'done'
  | 'approve-extension'
  | 'deny-extension'
  | 'lift-freeze'
  | 'lift-hold'
  | 'confirm-order'
  | 'decline-order'
  | 'confirm-passkey'
  | 'decline-passkey'
  | 'open-digest'
  | 'acknowledge-digest'
  | FindingAction

export type FindingAction =
  | 'take-finding'
  | 'fix-finding'
  | 'retest-finding'
  | 'close-finding'
  | 'accept-finding'
  | 'confirm-acceptance'

export interface Form {
  readonly id: 'ask' | 'deny' | 'deny-extension' | 'extend' | 'revoke-all' | FindingForm
  readonly title: string
  readonly submitLabel: string
  /** Travels with the form and comes back with its values. */
  readonly context: Readonly<Record<string, string>>
  readonly fields: readonly FormField[]
}

export type FindingForm = 'fix-finding' | 'retest-finding' | 'accept-finding'

export interface FormField {
  readonly name: string
  readonly label: string
  readonly hint: string | null
  readonly kind: 'text' | 'long-text' | 'select'
  readonly required: boolean
  readonly maxLength: number | null
  readonly initial: string | null
  readonly options: readonly { readonly value: string; readonly label: string }[]
}

/** Where a message goes. */
export type Destination =
  | { readonly kind: 'channel'; readonly channel: string }
  | { readonly kind: 'thread'; readonly root: MessageRef }
  | { readonly kind: 'person'; readonly account: Account }

/** How a platform knows a person: immutable id, never a name or an e-mail address. */
export interface Account {
  readonly platform: string
  readonly tenant: string
  readonly id: string
}

/** How a platform knows a message. */
export interface MessageRef {
  readonly platform: string
  readonly channel: string
  readonly id: string
}

/** The outgoing half of a chat platform. */
export interface Chat {
  readonly platform: string
  /**
   * Posts once. `key` is stable over retries: a platform that can look a message up by it must not
   * post the same key twice.
   * @param priority where the platform's limits make messages wait; 3 when not said
   * @throws ChatError
   */
  post(to: Destination, key: string, message: Card | Line, priority?: Priority): Promise<MessageRef>
  /** Replaces a message of ours. @throws ChatError */
  update(ref: MessageRef, message: Card | Line, priority?: Priority): Promise<void>
  /** Where the platform lets us read our threads back. */
  readonly threads?: ThreadReader
}

/** Lower goes first: a decision is asked, how to connect, removed, the rest. */
export type Priority = 0 | 1 | 2 | 3

/** What a person gets back for an act, at once and only for their eyes. */
export type Answer =
  | { readonly kind: 'line'; readonly line: Line }
  | { readonly kind: 'card'; readonly card: Card }
  | { readonly kind: 'form'; readonly form: Form }

export type ChatErrorCode = 'throttled' | 'unreachable' | 'not-found' | 'refused' | 'maybe-sent'

export class ChatError extends Error {
  override name = 'ChatError'
  readonly code: ChatErrorCode
  readonly retryAfterMs: number | null
  constructor(code: ChatErrorCode, message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, options)
    this.code = code
    this.retryAfterMs = options.retryAfterMs ?? null
  }
}

/** The incoming half: every platform turns what a person did into one of these three calls. */
export interface Desk {
  /** `/access …`; `text` is what follows the command word, as typed. */
  command(act: Act, text: string, channel: string | null): Promise<Answer>
  press(act: Act, press: Press): Promise<Answer>
  submit(act: Act, submission: Submission): Promise<Answer>
}

export interface Act extends PlatformTime {
  /** What identifies the act on its platform: a repeat returns the first answer. At most 255 characters. */
  readonly key: string
  readonly account: Account
}

export interface Press {
  /** As it came from the platform: checked by the desk, it may be tampered with. */
  readonly action: string
  readonly request: string
  readonly revision: number
}

export interface Submission {
  readonly form: string
  readonly context: Readonly<Record<string, string>>
  readonly values: Readonly<Record<string, string>>
}
