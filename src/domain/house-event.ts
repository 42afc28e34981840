import type { KeptBy } from './independence.ts'

/** Facts about Countersign itself, outside any grant. Streams `policy`, `system` and `keys`. */
export type PolicyFact =
  | {
      readonly type: 'policy.loaded'
      readonly data: {
        readonly policy: string
        /** The hash of the text that it is compared with; null for the first. */
        readonly before: string | null
        readonly host: string
        /** The full text, and its difference from the active one: private, so that names in it stay erasable. */
        readonly text: string
        readonly diff: string
      }
    }
  | {
      readonly type: 'policy.activated'
      readonly data: {
        readonly policy: string
        /** Null for the first, which activates itself. */
        readonly by: string | null
        /** Why it could not be shown that no event before it was deleted: then it rests on this person's word. */
        readonly unproved?: string
      }
    }

export type SystemFact =
  | {
      readonly type: 'system.started'
      readonly data: {
        readonly version: string
        readonly commit: string
        readonly lockFile: string
        readonly schema: string
        readonly policy: string
        readonly host: string
        readonly node: string
        readonly settings: Readonly<Record<string, unknown>>
        readonly durability: string
        readonly roles: string
      }
    }
  /** Something that a person must look at and that belongs to no open grant. */
  | {
      readonly type: 'system.alarm'
      readonly data: {
        readonly what: string
        readonly detail: string
        readonly grant: string | null
        readonly target?: string
      }
    }
  /** The record was checked by schedule, as `verify --log` does. */
  | {
      readonly type: 'record.checked'
      readonly data: {
        readonly ok: boolean
        /** Leaves. */
        readonly size: number
        /** Leaves that an earlier check had read: 0 for one of everything. */
        readonly from: number
        /** The size that every witness had confirmed. */
        readonly checkpoint: number
        readonly differences: number
        readonly tookMs: number
      }
    }
  /** What the calendar does about keeping was done. */
  | {
      readonly type: 'record.kept'
      /** Grants whose retention is over, by what became of them. */
      readonly data: {
        readonly pruned: number
        /** A hold, an open finding or an order under way is about them. */
        readonly held: number
        /** Still there, though nothing holds them. */
        readonly due: number
        /** Why nothing is pruned at all; null when it is. */
        readonly refused: 'policy-unproved' | 'record-not-checked' | null
      }
    }
  /** Who keeps the checkpoints, and what each was worth when it was looked at: at the first look, and when that is another. */
  | { readonly type: 'witnesses.seen'; readonly data: { readonly keptBy: readonly KeptBy[] } }
  /** Somebody took out what is on record about a grant, an order, a finding or freezes, private texts included. */
  | {
      readonly type: 'evidence.opened'
      readonly v: 2
      /** `about`: its id. Version 1 calls it `grant`, whatever it is of. */
      readonly data: { readonly by: string; readonly about: string; readonly via?: 'chat' }
    }
  /** Somebody took out the digest of a period. */
  | {
      readonly type: 'digest.opened'
      readonly data: { readonly by: string; readonly period: string; readonly via?: 'chat' }
    }
  /** Somebody took out what is on record about all grants and requests of a period. */
  | {
      readonly type: 'population.opened'
      readonly data: {
        readonly by: string
        /** Epoch ms; `until` is not inside. */
        readonly from: number
        readonly until: number
        readonly zone: string
        /** Null for everybody, and every target. */
        readonly person: string | null
        readonly target: string | null
        readonly via?: 'chat'
      }
    }

export type KeepingRun = Extract<SystemFact, { type: 'record.kept' }>['data']

/** Which keys the record is signed and written with: stream `keys`; how a log follows another: stream `origin/<its name>`. */
export type KeyFact =
  | {
      readonly type: 'record.signer-appointed'
      /** C2SP verifier keys. It has effect where the checkpoint at which it is the last leaf is signed by both. */
      readonly data: { readonly by: string; readonly from: string; readonly to: string }
    }
  /** From its leaf on, no event with a MAC of that key is genuine. */
  | { readonly type: 'record.mac-key-retired'; readonly data: { readonly by: string; readonly key: string } }
  /** The first leaf of the new log. */
  | {
      readonly type: 'origin-started'
      readonly data: {
        readonly by: string
        readonly origin: string
        readonly previousOrigin: string
        /** What the witnesses held of the previous log: C2SP signed notes. */
        readonly notes: readonly { readonly witness: string; readonly note: string }[]
        /** Left out after a restore. Beside it stands `reason`, private. */
        readonly cause?: 'key-lost'
        /** C2SP verifier keys: nothing that the first signed leads to the second. */
        readonly lostKey?: string
        readonly newKey?: string
        /** Why the previous log could not go on with its key. */
        readonly fork?: string
        /** How many events of the previous log the database had; events of before this was kept do not tell. */
        readonly had?: number
      }
    }

/** A policy fact with its place in the stream. */
export type RecordedPolicyFact = PolicyFact & { readonly seq: number; readonly at: number }

export const POLICY_STREAM = 'policy'
export const SYSTEM_STREAM = 'system'
