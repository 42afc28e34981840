import type { IdentityEvent } from './identity-event.ts'
import { ENTERPRISE, type IdentityState, profileOf } from './identity-state.ts'

/** What the directory pushes about one person. */
export type Resource = Readonly<Record<string, unknown>>

/** An expected no, in the words of SCIM (RFC 7644, section 3.12). */
export interface ResourceRefused {
  readonly refused: {
    readonly status: 400 | 404 | 409 | 413
    readonly scimType: 'uniqueness' | 'mutability' | 'invalidValue' | 'tooMany' | null
    readonly detail: string
  }
}

/** Who else there is, as far as one person's decision needs it. */
export interface Others {
  /** Whom the directory has under this user name, in any case. */
  byUserName(userName: string): string | null
  byExternalId(externalId: string): string | null
  /** Whether the directory told us of this person: an id that it never told is no manager. */
  isKnown(id: string): boolean
}

/** Far from what a person of flesh and blood needs, and a private text is kept whole. */
const MOST_CHARACTERS = 16_384

/** A person whom the directory pushes for the first time. */
export function decideEntering(id: string, resource: Resource, others: Others): IdentityEvent[] | ResourceRefused {
  const fault = faultOf(id, resource, others)
  if (fault !== null) return fault
  const entered: IdentityEvent = { type: 'identity.entered', data: saidOf(id, resource, others) }
  return resource.active === false ? [entered, leftOf(resource, false)] : [entered]
}

/** The person as the directory has them now. Empty when nothing changed. */
export function decideChange(
  state: IdentityState,
  resource: Resource,
  others: Others,
): IdentityEvent[] | ResourceRefused {
  const fault = faultOf(state.id, resource, others)
  if (fault !== null) return fault
  const before = state.profile
  const externalId = before?.externalId ?? null
  // The id that links an account to the human: whoever could change it could be anybody.
  if (externalId !== null && profileOf(resource).externalId !== externalId) {
    return no(400, 'mutability', 'externalId cannot be changed or taken away. Remove the user, and create them anew')
  }
  const said = saidOf(state.id, resource, others)
  const what = changedIn(before?.resource ?? {}, resource, said.manager !== state.manager)
  const facts: IdentityEvent[] = what.length === 0 ? [] : [{ type: 'identity.changed', data: { ...said, what } }]
  const gone = resource.active === false
  if (gone && state.left === null) facts.push(leftOf(resource, false))
  // Who is silent about it brings nobody back.
  if (resource.active === true && state.left !== null)
    facts.push({ type: 'identity.returned', data: { source: 'scim' } })
  return facts
}

/** The directory forgets them. */
export function decideRemoval(state: IdentityState): IdentityEvent[] {
  return state.left?.removed === true ? [] : [leftOf({}, true)]
}

/** Which changes let what a person has open be decided again. */
export function mattersToDecisions(facts: readonly IdentityEvent[]): boolean {
  return facts.some((fact) => {
    if (fact.type === 'identity.changed') return fact.data.what.some((one) => MATTERS.includes(one))
    return fact.type === 'identity.left' || fact.type === 'identity.returned'
  })
}

const MATTERS = ['manager', 'department', 'organization', 'division']

function faultOf(id: string, resource: Resource, others: Others): ResourceRefused | null {
  const { userName, externalId } = profileOf(resource)
  if (userName === '') return no(400, 'invalidValue', 'userName is missing')
  if (JSON.stringify(resource).length > MOST_CHARACTERS) {
    return no(413, 'tooMany', `A user takes at most ${MOST_CHARACTERS} characters`)
  }
  const twin = others.byUserName(userName)
  if (twin !== null && twin !== id) return no(409, 'uniqueness', 'There is a user with this userName')
  const other = externalId === null ? null : others.byExternalId(externalId)
  if (other !== null && other !== id) return no(409, 'uniqueness', 'There is a user with this externalId')
  return null
}

function saidOf(id: string, resource: Resource, others: Others) {
  const value = managerIn(resource)
  const manager = value !== null && value !== id && others.isKnown(value) ? value : null
  const claimed = (resource[PERSON] as { identityAssurance?: unknown } | undefined)?.identityAssurance
  const assurance = typeof claimed === 'string' && /^IAL[123]$/.test(claimed) ? claimed : null
  return { source: 'scim' as const, manager, assurance, profile: JSON.stringify(resource) }
}

/** An id of ours, or nothing: what Okta likes to send here is a name, and a name is nobody's id. */
function managerIn(resource: Resource): string | null {
  const enterprise = resource[ENTERPRISE] as { manager?: { value?: unknown } } | undefined
  const value = enterprise?.manager?.value
  return typeof value === 'string' && value !== '' ? value : null
}

/** Our own extension: what no standard attribute says. */
export const PERSON = 'urn:ietf:params:scim:schemas:extension:countersign:2.0:User'

function leftOf(resource: Resource, removed: boolean): IdentityEvent {
  const said = (resource[PERSON] as { leftAt?: unknown } | undefined)?.leftAt
  const at = typeof said === 'string' ? Date.parse(said) : Number.NaN
  return { type: 'identity.left', data: { source: 'scim', removed, effectiveAt: Number.isFinite(at) ? at : null } }
}

/** By the names of attributes; those of the enterprise extension by themselves. */
function changedIn(before: Resource, after: Resource, otherManager: boolean): string[] {
  const [old, fresh] = [flat(before), flat(after)]
  const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])]
  const changed = names.filter((name) => stable(old[name]) !== stable(fresh[name]))
  return [...new Set([...changed, ...(otherManager ? ['manager'] : [])])].sort()
}

function flat(resource: Resource): Record<string, unknown> {
  const { [ENTERPRISE]: enterprise, active: _, schemas: __, ...rest } = resource
  return { ...rest, ...(typeof enterprise === 'object' ? enterprise : {}) }
}

/** The same text for the same value, whatever the order of its members. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  )
}

export function no(
  status: ResourceRefused['refused']['status'],
  scimType: ResourceRefused['refused']['scimType'],
  detail: string,
): ResourceRefused {
  return { refused: { status, scimType, detail } }
}
