import { no, type ResourceRefused } from './decide-person.ts'
import type { DirectoryGroupEvent } from './identity-event.ts'
import type { DirectoryGroup } from './identity-state.ts'

export interface GroupSaid {
  readonly name: string
  readonly externalId: string | null
  readonly members: readonly string[]
}

export interface OtherGroups {
  byName(name: string): string | null
  isPerson(id: string): boolean
}

/** Ids in one event: far from what a body may hold. */
const MOST_IDS = 2_000

/** A group as the directory has it now; null for one that is new. Empty when nothing changed. */
export function decideDirectoryGroup(
  id: string,
  state: DirectoryGroup | null,
  said: GroupSaid,
  others: OtherGroups,
): DirectoryGroupEvent[] | ResourceRefused {
  const fault = faultOf(id, said, others, state)
  if (fault !== null) return fault
  const { name, externalId } = said
  const members = new Set(said.members)
  const before = state?.members ?? new Set<string>()
  const added = [...members].filter((one) => !before.has(one)).sort()
  const removed = [...before].filter((one) => !members.has(one)).sort()
  const facts: DirectoryGroupEvent[] = []
  if (state === null) {
    facts.push({ type: 'directory-group.entered', data: { name, externalId, members: added.splice(0, MOST_IDS) } })
  }
  const renamed = state !== null && state.name !== name
  while (added.length + removed.length > 0 || (renamed && facts.length === 0)) {
    const data = { name, added: added.splice(0, MOST_IDS), removed: removed.splice(0, MOST_IDS) }
    facts.push({ type: 'directory-group.changed', data })
  }
  return facts
}

function faultOf(
  id: string,
  { name, externalId, members }: GroupSaid,
  others: OtherGroups,
  state: DirectoryGroup | null,
): ResourceRefused | null {
  if (name.trim() === '' || name.length > 256) return no(400, 'invalidValue', 'displayName takes 1 to 256 characters')
  // Kept as it came when the group was new, and never changed after.
  if (state === null && (externalId ?? '').length > 256) {
    return no(400, 'invalidValue', 'externalId takes at most 256 characters')
  }
  const twin = others.byName(name)
  if (twin !== null && twin !== id) return no(409, 'uniqueness', 'There is a group with this displayName')
  const stranger = members.find((one) => !others.isPerson(one) && state?.members.has(one) !== true)
  if (stranger !== undefined) {
    return no(400, 'invalidValue', `There is no user ${stranger.slice(0, 64)}: groups have users as members, by id`)
  }
  return null
}
