import type { Account, MessageRef } from './chat.ts'

/** Something that happened under a message in chat, before anybody has read it. */
export interface ThreadNews {
  readonly platform: string
  readonly channel: string
  /** Under what; null where the platform does not say, as of some messages that were deleted. */
  readonly root: string | null
  readonly message: string
  /** Called only where it is under one of ours: whatever else people write is not read. @returns null for what says nothing */
  read(): ThreadAct | null
}

/** What somebody did there. */
export type ThreadAct =
  | (Said & { readonly kind: 'written'; readonly account: Account; readonly files: number })
  /** `version` tells one edit from another. */
  | (Said & {
      readonly kind: 'edited'
      readonly account: Account | null
      readonly version: string
      readonly before: Before
    })
  | { readonly kind: 'deleted'; readonly sentAt: number; readonly before: Before }

interface Said {
  /** When it was first written, epoch ms of the platform. */
  readonly sentAt: number
  readonly text: string
}

/** What it said before, where the platform tells: it may never have been heard. */
export type Before = { readonly account: Account; readonly text: string } | null

/** Where news of threads go. Never rejects. */
export type HearThread = (news: ThreadNews) => Promise<void>

/** A platform whose threads can be read back. */
export interface ThreadReader {
  /**
   * The messages under a card that are newer than one of them, oldest first, the card itself not among them.
   * @param after a message's id; null: from the beginning
   * @throws ChatError `not-found` when there is no such thread
   */
  readThread(root: MessageRef, after: string | null): Promise<ThreadPage>
  /** Whether anything at all, of anybody, stands in the channel that is not newer than this message. @throws ChatError */
  standsUntil(message: MessageRef): Promise<boolean>
  /** The channel that a thread stands in, where each thread has an address of its own. */
  channelOf(thread: string): string
  /** Whether an edit that was heard is one that was read back: a platform may not call it the same both times. */
  sameEdit(heard: string, read: string): boolean
  /** The platform's time of a message, epoch ms, by its id alone. */
  timeOf(message: string): number
}

export interface ThreadPage {
  readonly messages: readonly ThreadMessage[]
  /** The card stands there. */
  readonly card: boolean
  /** There is more after these. */
  readonly more: boolean
}

export interface ThreadMessage {
  readonly id: string
  /** Written by this app, by any other, or by a person. */
  readonly from: 'us' | 'bot' | 'person'
  /** When it was last edited, epoch ms, and the word for that edit; null: never. */
  readonly edited: { readonly at: number; readonly version: string } | null
  /** Called only for what is not on record. */
  read(): ThreadAct | null
}
