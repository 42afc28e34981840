import type { Placed } from './grant-event.ts'
import type { DirectoryGroupEvent, IdentityEvent, LinkedAccount, Source } from './identity-event.ts'

/** What the events of one person add up to. */
export interface IdentityState {
  readonly id: string
  readonly seq: number
  /** What the directory said last; null for a person of the policy file alone. */
  readonly profile: DirectoryProfile | null
  readonly enteredAt: number | null
  readonly manager: string | null
  readonly assurance: string | null
  /** Whether the e-mail is the one that they entered with: only that one may link an account. */
  readonly emailIsFirst: boolean
  readonly accounts: readonly LinkedAccount[]
  /** Accounts that were not linked, as said on record. */
  readonly notLinked: readonly string[]
  /** Set while they are gone. */
  readonly left: Leaving | null
  /** Leavings of the past, after which they came back. */
  readonly pastLeavings: number
}

/** One leaving, with the four moments that compliance asks for. */
export interface Leaving {
  readonly source: Source
  readonly removed: boolean
  readonly effectiveAt: number | null
  readonly receivedAt: number
  /** When the last of theirs was closed, or began to end. */
  readonly endedAt: number | null
  readonly seenGoneAt: number | null
  readonly lagMs: number | null
  readonly grants: readonly string[]
  /** That they left without an owner. */
  readonly machines: readonly string[]
}

/** The attributes of a SCIM resource that decisions and cards use; the rest is only handed back. */
export interface DirectoryProfile {
  readonly userName: string
  readonly externalId: string | null
  readonly name: string
  readonly title: string
  readonly department: string
  /** As typed; null when there is none. */
  readonly email: string | null
  /** The whole resource, to hand back. */
  readonly resource: Readonly<Record<string, unknown>>
}

export interface DirectoryGroup {
  readonly id: string
  readonly seq: number
  readonly name: string
  readonly externalId: string | null
  readonly members: ReadonlySet<string>
  readonly removed: boolean
}

/** Folds a whole stream. @returns null for a stream without events */
export function foldIdentity(id: string, events: Iterable<Placed<IdentityEvent>>): IdentityState | null {
  let state: IdentityState | null = null
  for (const event of events) state = evolveIdentity(id, state, event)
  return state
}

export function evolveIdentity(id: string, before: IdentityState | null, event: Placed<IdentityEvent>): IdentityState {
  const state = before ?? nobodyYet(id)
  return { ...state, ...change(state, event), seq: event.seq }
}

function nobodyYet(id: string): IdentityState {
  return {
    ...{ id, seq: 0, profile: null, enteredAt: null, manager: null, assurance: null, emailIsFirst: true },
    ...{ accounts: [], notLinked: [], left: null, pastLeavings: 0 },
  }
}

function change(state: IdentityState, event: Placed<IdentityEvent>): Partial<IdentityState> {
  switch (event.type) {
    case 'identity.entered':
      return { ...saidIn(event), enteredAt: event.at }
    case 'identity.changed': {
      const said = saidIn(event)
      const emailIsFirst = state.emailIsFirst && fold(said.profile?.email) === fold(state.profile?.email)
      return { ...said, emailIsFirst }
    }
    case 'identity.left':
      // Whom the directory switches off, and then forgets, has left once.
      if (state.left !== null) return { left: { ...state.left, removed: state.left.removed || event.data.removed } }
      return {
        left: {
          ...{ source: event.data.source, removed: event.data.removed, effectiveAt: event.data.effectiveAt },
          ...{ receivedAt: event.at, endedAt: null, seenGoneAt: null, lagMs: null, grants: [], machines: [] },
        },
      }
    case 'identity.returned':
      return { left: null, pastLeavings: state.pastLeavings + 1 }
    case 'account.linked':
      return { accounts: [...state.accounts, event.data] }
    case 'account.unlinked':
      return { accounts: state.accounts.filter((one) => keyOf(one) !== keyOf(event.data)) }
    case 'leaving.ended': {
      const { when, lagMs, grants, machines = [] } = event.data
      return state.left === null ? {} : { left: { ...state.left, endedAt: when, lagMs, grants, machines } }
    }
    case 'leaving.seen-gone':
      return state.left === null
        ? {}
        : { left: { ...state.left, seenGoneAt: event.data.when, lagMs: event.data.lagMs } }
    case 'account.not-linked': {
      const { platform, tenant, account } = event.data
      return { notLinked: [...state.notLinked, JSON.stringify({ platform, tenant, account })] }
    }
    case 'link.code-shown':
      return {}
    default:
      throw new UnknownIdentityEvent(state.id, event satisfies never)
  }
}

/** A newer version wrote it: this process cannot say who that is, and treats them as unknown. */
export class UnknownIdentityEvent extends Error {
  readonly code = 'UNKNOWN_EVENT'
  override name = 'UnknownIdentityEvent'
  constructor(id: string, event: { readonly type: string }) {
    super(`${id} has an event ${event.type}, which this version does not know`)
  }
}

type Speaking = Extract<IdentityEvent, { type: 'identity.entered' | 'identity.changed' }>

function saidIn({ data }: Speaking): Pick<IdentityState, 'profile' | 'manager' | 'assurance'> {
  return { profile: readProfile(data.profile), manager: data.manager, assurance: data.assurance }
}

/** Null where the text was erased: a person of whom nothing is known may do nothing. */
function readProfile(text: string): DirectoryProfile | null {
  try {
    return profileOf(JSON.parse(text) as Record<string, unknown>)
  } catch {
    return null
  }
}

/** Reads the attributes that count from a SCIM user (RFC 7643, section 4.1 and 4.3). */
export function profileOf(resource: Readonly<Record<string, unknown>>): DirectoryProfile {
  const enterprise = resource[ENTERPRISE] as { department?: unknown } | undefined
  const name = resource.name as { formatted?: unknown; givenName?: unknown; familyName?: unknown } | undefined
  const parts = [name?.givenName, name?.familyName].map(words).filter((part) => part !== '')
  const userName = words(resource.userName)
  const emails = Array.isArray(resource.emails) ? (resource.emails as { value?: unknown; primary?: unknown }[]) : []
  const email = emails.find((one) => one.primary === true) ?? emails[0]
  return {
    userName,
    externalId: words(resource.externalId) || null,
    name: words(resource.displayName) || words(name?.formatted) || parts.join(' ') || userName,
    title: words(resource.title),
    department: words(enterprise?.department),
    email: words(email?.value) || (userName.includes('@') ? userName : null),
    resource,
  }
}

export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

/** One line of it, without what cannot be seen: it stands on cards. */
function words(value: unknown): string {
  if (typeof value !== 'string') return ''
  return value
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, 200)
}

function fold(text: string | null | undefined): string {
  return (text ?? '').toLowerCase()
}

export function keyOf({ platform, tenant, account }: { platform: string; tenant: string; account: string }): string {
  return JSON.stringify([platform, tenant, account])
}

/** Folds a whole stream. @returns null for a stream without events */
export function foldDirectoryGroup(id: string, events: Iterable<Placed<DirectoryGroupEvent>>): DirectoryGroup | null {
  let state: DirectoryGroup | null = null
  for (const event of events) state = evolveDirectoryGroup(id, state, event)
  return state
}

export function evolveDirectoryGroup(
  id: string,
  before: DirectoryGroup | null,
  event: Placed<DirectoryGroupEvent>,
): DirectoryGroup {
  const { seq } = event
  const state = before ?? { id, seq, name: '', externalId: null, members: new Set<string>(), removed: false }
  switch (event.type) {
    case 'directory-group.entered': {
      const { name, externalId, members } = event.data
      return { id, seq, name, externalId, members: new Set(members), removed: false }
    }
    case 'directory-group.changed': {
      const members = new Set(state.members)
      for (const one of event.data.removed) members.delete(one)
      for (const one of event.data.added) members.add(one)
      return { ...state, seq, name: event.data.name, members }
    }
    case 'directory-group.removed':
      return { ...state, seq, members: new Set(), removed: true }
    default:
      throw new UnknownIdentityEvent(id, event satisfies never)
  }
}
