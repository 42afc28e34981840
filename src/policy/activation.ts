/**
 * Which policy is in force, from the events of the policy's stream. Pure.
 *
 * A file on a disk is not a decision: every replica records what it loaded, and a text that differs from
 * the active one holds decisions on that replica until a named person activates it. The first policy ever
 * activates itself, because before it there is nobody who could.
 */
export function evolvePolicyState(state: PolicyState, event: PolicyEvent): PolicyState {
  switch (event.type) {
    case 'loaded':
      return { ...state, loaded: new Set([...state.loaded, event.hash]) }
    case 'activated':
      return { ...state, active: event.hash }
    default:
      return event satisfies never
  }
}

export const NO_POLICY_YET: PolicyState = { active: null, loaded: new Set() }

/** What a replica writes that has read a policy. To be decided under the stream's lock, so that one is first. */
export function decideLoad(state: PolicyState, hash: string): PolicyEvent[] {
  const loaded: PolicyEvent = { type: 'loaded', hash }
  return state.active === null ? [loaded, { type: 'activated', hash, by: null }] : [loaded]
}

/** What a named person's `policy activate` writes; only a text that is on the record can come into force. */
export function decideActivation(state: PolicyState, hash: string, by: string): PolicyEvent[] | ActivationRefusal {
  if (!state.loaded.has(hash)) return { code: 'never-loaded', hash }
  if (state.active === hash) return { code: 'already-active', hash }
  return [{ type: 'activated', hash, by }]
}

/** Whether a replica with this policy may decide, and if not, what somebody must do. */
export function standingOf(state: PolicyState, ownHash: string): PolicyStanding {
  if (state.active === ownHash) return { state: 'active' }
  const own = ownHash.slice(0, 12)
  const nextStep =
    state.active === null
      ? `The policy ${own} is not on the record yet; start a replica with it`
      : `Run: npm run -s countersign -- policy activate ${own} --as <person>; or put back the file of ${state.active.slice(0, 12)} and restart`
  return { state: 'held', active: state.active, own: ownHash, nextStep }
}

export interface PolicyState {
  /** Null before the first policy. */
  readonly active: string | null
  /** Hashes of all texts that are on the record. */
  readonly loaded: ReadonlySet<string>
}

/** What matters here of the events; on the record they carry the text and a diff too. */
export type PolicyEvent =
  | { readonly type: 'loaded'; readonly hash: string }
  /** `by` is null for the first policy, which activates itself. */
  | { readonly type: 'activated'; readonly hash: string; readonly by: string | null }

export type PolicyStanding =
  | { readonly state: 'active' }
  | { readonly state: 'held'; readonly active: string | null; readonly own: string; readonly nextStep: string }

export interface ActivationRefusal {
  readonly code: 'never-loaded' | 'already-active'
  readonly hash: string
}
