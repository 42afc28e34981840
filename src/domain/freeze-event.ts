import type { ChannelOn } from './channels.ts'
import type { Approver, Assurance } from './grant-event.ts'

/**
 * The facts of freezing one target, or everything: streams `freeze:<target>` and `freeze:*`. One stream has
 * many freezes, one after the other; it is never closed.
 */
export type FreezeEvent =
  | {
      readonly type: 'freeze.set'
      readonly data: {
        readonly by: string
        /** Why they may: `owner`, `compliance`, `may freeze`. */
        readonly as: readonly string[]
        /** Private: what they wrote, or empty. */
        readonly reason: string
        /** Where it is announced, frozen at the moment of the freezing. */
        readonly channels: readonly string[]
        /** The same with their platforms, where the policy names them. */
        readonly announcedIn?: readonly ChannelOn[]
        readonly policy: string
        readonly assurance: Assurance
      }
    }
  /** The first of the two who lift it. */
  | {
      readonly type: 'freeze.lift-asked'
      readonly data: {
        readonly by: string
        readonly as: readonly string[]
        /** Who may be the second. */
        readonly signers: readonly Approver[]
        readonly askedUntil: number
        readonly policy: string
        readonly assurance: Assurance
      }
    }
  /** Two distinct persons, in the order of their signing. */
  | {
      readonly type: 'freeze.lifted'
      readonly data: { readonly by: readonly [string, string]; readonly policy: string; readonly assurance: Assurance }
    }

/** Stands for every target; no target can be called so. */
export const EVERYWHERE = '*'

const PREFIX = 'freeze:'

/** @param target its name, or `EVERYWHERE` */
export function freezeStream(target: string): string {
  return `${PREFIX}${target}`
}

/** The target of a stream name, or null for another kind of stream. */
export function targetOfFreeze(stream: string): string | null {
  return stream.startsWith(PREFIX) ? stream.slice(PREFIX.length) : null
}
