import type { Account } from './chat.ts'

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
