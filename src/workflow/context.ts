import type { Db, Tx } from '../db/transaction.ts'
import type { CheckpointCause } from '../domain/checkpoint-event.ts'
import type { AccountProfile } from '../domain/decide-link.ts'
import type { Policy } from '../domain/policy.ts'
import type { Lanes } from '../effects/lanes.ts'
import type { Account, Chat } from '../ports/chat.ts'
import type { Clock } from '../ports/clock.ts'
import type { Connector } from '../ports/connector.ts'
import type { Directory } from '../ports/directory.ts'
import type { Passkeys } from '../ports/passkeys.ts'
import type { EventRecord } from '../record/record.ts'
import type { Witnessed } from '../record/witnessed.ts'
import type { Observer } from '../telemetry/observer.ts'
import type { AskTogether } from './ask-together.ts'
import type { WitnessLooks } from './look-at-witnesses.ts'
import type { PeopleStore } from './people-store.ts'
import type { PolicyInForce } from './policy-in-force.ts'

/**
 * What every verb works with: the adapters that `app.ts` wired, behind their ports. One a process.
 */
export interface Context {
  readonly db: Db
  readonly record: EventRecord
  /** What the witnesses confirmed: the ground for touching a target. */
  readonly witnessed: Witnessed
  /** What the witnesses are worth. */
  readonly lookAtWitnesses: WitnessLooks
  /** Resolves when an event is probably inside a witnessed checkpoint, or after `forMs`: a wake-up, not a proof. */
  readonly sealed: (stream: string, seq: number, forMs: number) => Promise<void>
  readonly clock: Clock
  readonly directory: Directory
  /** The platforms that are configured: never none. */
  readonly chats: readonly Chat[]
  readonly passkeys: Passkeys
  /** What the platform of an account says of it; null when it cannot be asked. Undefined where no platform is asked. */
  readonly profileOf?: (account: Account) => Promise<AccountProfile | null>
  /** With everybody in it, whom the file or the directory names. */
  readonly policy: PolicyInForce
  readonly people: PeopleStore
  /** To look at a target and to take away: the last adapter known under this name; null when there never was one. */
  readonly connectorOf: (target: string, givenUnder?: string | null) => Connector | null
  /** To give access: the adapter as this policy, which is in force, says; null when it does not know the target. */
  readonly connectorToGive: (policy: Policy, target: string) => Connector | null
  /** Every target that may hold something of ours, those that left the policy too. */
  readonly knownTargets: () => readonly string[]
  /** Enqueues effects in the transaction that decided them: one statement, however many. */
  readonly enqueue: (tx: Tx, effects: Effect | readonly Effect[]) => Promise<void>
  /** Called after every commit that wrote events: wakes the sealer and the timer. */
  readonly committed: () => void
  readonly lanes: Lanes
  /** Seals what an answer quotes, so that no free text lies in clear. */
  readonly sealing: {
    seal(text: string, context: string): Buffer
    open(sealed: Buffer, context: string): string
    /** Tells two texts apart, and says nothing of them to who has the database alone: keyed, not only hashed. */
    digest(text: string): string
  }
  /** Asks that come in at the same time share a transaction. */
  readonly askTogether: AskTogether
  readonly publicUrl: string
  readonly alarm: (alarm: Alarm) => void
  /** For the metrics: what this process notices about its own work. */
  readonly observe: Omit<Observer, 'alarm'>
  /** Test hook: named points between the committed steps, where a crash must lose nothing. */
  readonly reached: (point: CrashPoint) => Promise<void>
}

export type Effect =
  | {
      readonly kind: 'announce'
      readonly stream: string
      /** One platform's share alone; of all of them when left out. */
      readonly platform?: string
      /** Nobody waits for it: more may come that is said along with it. Epoch ms. */
      readonly notBefore?: number
      /** Somebody waits for it: it goes before what waits already. */
      readonly urgent?: boolean
    }
  | { readonly kind: 'provision'; readonly grant: string }
  | { readonly kind: 'extend'; readonly grant: string }
  | { readonly kind: 'revoke-all'; readonly order: string }
  /** `whole`: from the beginning, whatever an earlier check read. */
  | { readonly kind: 'check-record'; readonly whole?: true }
  | { readonly kind: 'mind-findings' }
  /** What two persons ordered. */
  | { readonly kind: 'erase'; readonly erasure: string }
  /** A few threads are read back and compared with the record. */
  | { readonly kind: 'reconcile-threads' }
  /** The digests that are due, and the reminders of those made. */
  | { readonly kind: 'make-digests' }
  /** The newest checkpoint is told in chat. */
  | ({ readonly kind: 'announce-checkpoint' } & CheckpointCause)
  /** What was done under a grant that is gone is read for the last time. Epoch ms. */
  | { readonly kind: 'finish-activity'; readonly grant: string; readonly notBefore: number }
  | { readonly kind: 'keep-record' }
  /** One person left or changed: what they have open is closed, or decided again. */
  | { readonly kind: 'settle-person'; readonly person: string }
  /** The same for everybody. */
  | { readonly kind: 'settle-people' }

/** Something that a person must look at and that belongs to no request. Written to the log, counted, put on record. */
export interface Alarm {
  readonly what: string
  readonly detail: string
  readonly grant: string | null
  /** Where it is, if the grant does not say so. */
  readonly target?: string
}

/** Every boundary between two committed steps of request → grant → revocation. Each is reached in one place of the source. */
export const CRASH_POINTS = [
  'ask:before-commit',
  'ask:after-commit',
  'sign:before-commit',
  'sign:after-commit',
  'enrol:before-commit',
  'enrol:after-commit',
  'passkey:before-commit',
  'passkey:after-commit',
  'seal:after-tree',
  'seal:after-witness',
  'provision:before-providing',
  'provision:after-providing',
  'provision:after-target',
  'provision:after-active',
  'connect:after-commit',
  'connect:after-shown',
  'connect:after-secret',
  'extend:before-asked',
  'extend:after-asked',
  'extend:before-target',
  'extend:after-target',
  'extend:after-commit',
  'end:before-commit',
  'end:after-commit',
  'order:before-commit',
  'order:after-commit',
  'revoke-all:after-reached',
  'revoke-all:after-each',
  'revoke-all:before-done',
  'revoke-all:after-done',
  'due:after-commit',
  'revoke:after-disable',
  'revoke:after-disabled',
  'revoke:after-terminate',
  'revoke:after-sessions-ended',
  'revoke:after-remove',
  'revoke:after-access-removed',
  'revoke:after-look',
  'revoke:after-removed',
  'announce:before-post',
  'announce:after-post',
  'announce:after-recorded',
  'announce:after-update',
  'announce:after-announced',
  'leave:after-commit',
  'leave:after-each',
  'leave:before-ended',
  'leave:after-ended',
  'leave:after-seen-gone',
  'sweep:after-mended',
  'sweep:after-orphan-found',
  'sweep:after-orphan-removed',
  'target:after-step',
] as const

/** The same where the log of a target is read. */
export const ACTIVITY_CRASH_POINTS = [
  'collect:before-commit',
  'collect:after-commit',
  'collect:before-ended',
  'collect:after-ended',
] as const

/** The same for what is erased and pruned. */
export const KEEPING_CRASH_POINTS = ['erase:after-batch', 'prune:after-batch'] as const

export type CrashPoint =
  | (typeof CRASH_POINTS)[number]
  | (typeof KEEPING_CRASH_POINTS)[number]
  | (typeof ACTIVITY_CRASH_POINTS)[number]
