import { inTransaction } from '../db/in-transaction.ts'
import { decideDirectoryGroup, type GroupSaid, type OtherGroups } from '../domain/decide-directory-group.ts'
import {
  decideChange,
  decideEntering,
  decideRemoval,
  mattersToDecisions,
  no,
  type Others,
  type Resource,
  type ResourceRefused,
} from '../domain/decide-person.ts'
import type { DirectoryGroup, IdentityState } from '../domain/identity-state.ts'
import { isProvisioned, type People } from '../domain/people.ts'
import type { Context } from './context.ts'
import { decideAgain } from './decide-again.ts'
import { newId } from './new-id.ts'
import { changePeople, type PeopleStage } from './write-people.ts'

/** Written in one go. */
const TOGETHER = 200

/**
 * What the directory pushes, on record before it is answered. What comes in at the same time is written together, so
 * that thousands of people come in within a minute; each is decided by itself.
 */
export function createProvisioning(context: Context): Provisioning {
  const waiting: Waiting[] = []
  let underWay = false

  async function run(): Promise<void> {
    if (underWay) return
    underWay = true
    // Whoever comes in meanwhile goes with the next.
    while (waiting.length > 0) {
      const some = waiting.splice(0, TOGETHER)
      try {
        await writeAll(some)
      } catch (error) {
        // One may be at fault, or none: each by itself.
        if (some.length === 1) some[0]?.reject(error)
        else for (const one of some) await writeAll([one]).catch((fault: unknown) => one.reject(fault))
      }
    }
    underWay = false
  }

  async function writeAll(some: readonly Waiting[]): Promise<void> {
    const outcomes = await decideAgain(() =>
      inTransaction(context.db, { timeoutMs: 30_000 }, (tx) =>
        changePeople(context, tx, context.clock.now(), (stage) => {
          const index = indexOf(stage.people)
          return some.map(({ act }) => act(stage, index))
        }),
      ),
    )
    context.committed()
    await context.reached('leave:after-commit')
    for (const [at, one] of some.entries()) one.resolve(outcomes[at])
  }

  function perform<T>(act: (stage: PeopleStage, index: Index) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      waiting.push({ act, resolve: resolve as (value: unknown) => void, reject })
      setImmediate(() => void run())
    })
  }

  return {
    look: () => context.people.look(context.db),
    enter: (resource) => perform((stage, index) => enter(stage, index, resource)),
    change: (id, resource, seq) => perform((stage, index) => change(stage, index, id, resource, seq)),
    remove: (id) => perform((stage, index) => remove(stage, index, id)),
    saveGroup: (id, said, seq) => perform((stage, index) => saveGroup(stage, index, id, said, seq)),
    removeGroup: (id) => perform((stage) => removeGroup(stage, id)),
  }
}

function enter(stage: PeopleStage, index: Index, resource: Resource): IdentityState | ResourceRefused {
  const id = newId('P')
  const facts = decideEntering(id, resource, othersIn(stage, index))
  if ('refused' in facts) return facts
  const state = stage.write(id, facts)
  if (state !== null) index.add(state)
  return state ?? gone(id)
}

function change(
  stage: PeopleStage,
  index: Index,
  id: string,
  resource: Resource,
  seq: number | null,
): IdentityState | ResourceRefused | 'meanwhile' {
  const before = stage.person(id)
  if (before === null || !isProvisioned(before)) return gone(id)
  if (seq !== null && before.seq !== seq) return 'meanwhile'
  const facts = decideChange(before, resource, othersIn(stage, index))
  if ('refused' in facts) return facts
  const state = facts.length === 0 ? before : stage.write(id, facts)
  if (state !== null) index.move(before, state)
  if (mattersToDecisions(facts)) stage.decideAgain(id)
  return state ?? gone(id)
}

function remove(stage: PeopleStage, index: Index, id: string): ResourceRefused | null {
  const before = stage.person(id)
  if (before === null || !isProvisioned(before)) return gone(id)
  const facts = decideRemoval(before)
  const state = stage.write(id, facts)
  if (state !== null) index.move(before, state)
  stage.decideAgain(id)
  return null
}

function saveGroup(
  stage: PeopleStage,
  index: Index,
  id: string | null,
  said: GroupSaid,
  seq: number | null,
): DirectoryGroup | ResourceRefused | 'meanwhile' {
  const before = id === null ? null : stage.group(id)
  if (id !== null && (before === null || before.removed)) return gone(id)
  if (seq !== null && before !== null && before.seq !== seq) return 'meanwhile'
  const groupId = id ?? newId('D')
  const others: OtherGroups = {
    byName: (name) => groupNamed(stage.people, name),
    isPerson: (person) => othersIn(stage, index).isKnown(person),
  }
  const facts = decideDirectoryGroup(groupId, before, said, others)
  if ('refused' in facts) return facts
  const state = facts.length === 0 ? before : stage.writeGroup(groupId, facts)
  // Who is in a group says who may ask and who may sign.
  if (facts.length > 0) stage.decideAllAgain()
  return state ?? gone(groupId)
}

function removeGroup(stage: PeopleStage, id: string): ResourceRefused | null {
  const before = stage.group(id)
  if (before === null || before.removed) return gone(id)
  stage.writeGroup(id, [{ type: 'directory-group.removed', data: {} }])
  stage.decideAllAgain()
  return null
}

function gone(id: string): ResourceRefused {
  return no(404, null, `There is no ${id.slice(0, 64)}`)
}

function groupNamed({ groups }: People, name: string): string | null {
  const wanted = name.toLowerCase()
  return [...groups.values()].find((one) => !one.removed && one.name.toLowerCase() === wanted)?.id ?? null
}

function othersIn(stage: PeopleStage, index: Index): Others {
  return {
    byUserName: index.byUserName,
    byExternalId: index.byExternalId,
    isKnown: (id) => {
      const state = stage.person(id)
      return state !== null && isProvisioned(state)
    },
  }
}

/** Whom the directory has, by what is unique. */
export function indexOf({ persons }: People): Index {
  const names = new Map<string, string>()
  const externalIds = new Map<string, string>()
  const index: Index = {
    byUserName: (userName) => names.get(userName.toLowerCase()) ?? null,
    byExternalId: (externalId) => externalIds.get(externalId) ?? null,
    add(state) {
      if (!isProvisioned(state) || state.profile === null) return
      names.set(state.profile.userName.toLowerCase(), state.id)
      if (state.profile.externalId !== null) externalIds.set(state.profile.externalId, state.id)
    },
    move(before, after) {
      names.delete(before.profile?.userName.toLowerCase() ?? '')
      externalIds.delete(before.profile?.externalId ?? '')
      index.add(after)
    },
  }
  for (const state of persons.values()) index.add(state)
  return index
}

export interface Index {
  readonly byUserName: (userName: string) => string | null
  readonly byExternalId: (externalId: string) => string | null
  add(state: IdentityState): void
  move(before: IdentityState, after: IdentityState): void
}

interface Waiting {
  readonly act: (stage: PeopleStage, index: Index) => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

export interface Provisioning {
  look(): Promise<People>
  enter(resource: Resource): Promise<IdentityState | ResourceRefused>
  /** @param seq what the change was made of; null for whatever it is. `meanwhile`: somebody else changed it since */
  change(id: string, resource: Resource, seq: number | null): Promise<IdentityState | ResourceRefused | 'meanwhile'>
  remove(id: string): Promise<ResourceRefused | null>
  /** @param id null for a new one */
  saveGroup(
    id: string | null,
    said: GroupSaid,
    seq: number | null,
  ): Promise<DirectoryGroup | ResourceRefused | 'meanwhile'>
  removeGroup(id: string): Promise<ResourceRefused | null>
}
