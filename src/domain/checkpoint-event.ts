import type { ChannelOn } from './channels.ts'

/** That a checkpoint is told in chat: stream `checkpoint:<cause>`, with this one event. */
export interface CheckpointEvent {
  readonly type: 'checkpoint.announced'
  readonly data: {
    readonly origin: string
    /** Leaves under it, and its root hash in base64. */
    readonly size: number
    readonly root: string
    /** The C2SP signed note, whole. */
    readonly note: string
    /** SHA-256 of the verifier key's text, hex. */
    readonly fingerprint: string
    /** The one that was told before, with when (epoch ms); null for the first of its log. */
    readonly since: { readonly size: number; readonly at: number } | null
    /** The digest that it goes with: `2026-W47`; null for the one of a quarter of an hour. */
    readonly week: string | null
    readonly announcedIn: readonly ChannelOn[]
    readonly policy: string
  }
}

const PREFIX = 'checkpoint:'

/** One for each quarter of an hour, and for each digest: whoever writes it a second time is too late. */
export function checkpointStream(cause: CheckpointCause): string {
  return `${PREFIX}${'week' in cause ? cause.week : new Date(cause.slot).toISOString()}`
}

export function isCheckpointStream(stream: string): boolean {
  return stream.startsWith(PREFIX)
}

/** The digest that was made, or when the quarter of an hour was due, epoch ms. */
export type CheckpointCause = { readonly week: string } | { readonly slot: number }
