import SCIMMY from 'scimmy'
import { classifyFailure } from '../../db/failure.ts'
import { PERSON, type Resource, type ResourceRefused } from '../../domain/decide-person.ts'
import type { DirectoryGroup, IdentityState } from '../../domain/identity-state.ts'
import { isProvisioned } from '../../domain/people.ts'
import type { Provisioning } from '../../workflow/provision-people.ts'

/** What one request works with: the people, and what of them it has read. */
export interface ScimContext {
  readonly provisioning: Provisioning
  readonly onFault: (error: unknown) => void
  /** By id: the place of the stream that a change is made of. */
  readonly read: Map<string, number>
}

/**
 * Tells scimmy what users and groups are here. Its resources are one for the whole process: everything that is of one
 * door comes with the request.
 */
export function declareResources(): void {
  if (declared) return
  declared = true
  const { User, Group } = SCIMMY.Resources
  SCIMMY.Resources.declare(User)
    .extend(SCIMMY.Schemas.EnterpriseUser, false)
    .extend(personSchema(), false)
    .ingress(async (resource, instance, context: ScimContext) => {
      return answered(context, async () => {
        const { provisioning, read } = context
        const plain = plainOf(instance)
        const saved =
          resource.id === undefined
            ? await provisioning.enter(plain)
            : await provisioning.change(resource.id, plain, read.get(resource.id) ?? null)
        return userOf(ofNow(saved))
      })
    })
    .egress(async (resource, context: ScimContext) => {
      return answered(context, async () => {
        const state = (await context.provisioning.look()).persons.get(resource.id ?? '')
        if (state === undefined || !isProvisioned(state)) throw missing(resource.id)
        context.read.set(state.id, state.seq)
        return userOf(state)
      })
    })
    .degress(async (resource, context: ScimContext) => {
      await answered(context, async () => ofNow(await context.provisioning.remove(resource.id ?? '')))
    })
  SCIMMY.Resources.declare(Group)
    .ingress(async (resource, instance, context: ScimContext) => {
      return answered(context, async () => {
        const { displayName, members, externalId } = plainOf(instance)
        const said = {
          name: String(displayName ?? ''),
          externalId: typeof externalId === 'string' ? externalId : null,
          members: membersIn(members),
        }
        const id = resource.id ?? null
        const seq = id === null ? null : (context.read.get(id) ?? null)
        return groupOf(ofNow(await context.provisioning.saveGroup(id, said, seq)))
      })
    })
    .egress(async (resource, context: ScimContext) => {
      return answered(context, async () => {
        const group = (await context.provisioning.look()).groups.get(resource.id ?? '')
        if (group === undefined || group.removed) throw missing(resource.id)
        context.read.set(group.id, group.seq)
        return groupOf(group)
      })
    })
    .degress(async (resource, context: ScimContext) => {
      await answered(context, async () => ofNow(await context.provisioning.removeGroup(resource.id ?? '')))
    })
}

let declared = false

/** As scimmy hands it out. */
export function userOf({
  id,
  profile,
  left,
}: IdentityState): { id: string; userName: string } & Record<string, unknown> {
  return { ...profile?.resource, id, userName: profile?.userName ?? '', active: left === null }
}

export function groupOf({
  id,
  name,
  externalId,
  members,
}: DirectoryGroup): { id: string; displayName: string } & Record<string, unknown> {
  return {
    ...{ id, displayName: name, members: [...members].map((value) => ({ value, type: 'User' })) },
    ...(externalId !== null && { externalId }),
  }
}

/** The plain data of what scimmy checked: its own objects are full of traps. A password that comes along is not kept. */
function plainOf(instance: object): Resource {
  const plain = JSON.parse(JSON.stringify(instance)) as Record<string, unknown>
  const { id: _, meta: __, schemas: ___, password: ____, ...rest } = plain
  return rest
}

function membersIn(members: unknown): string[] {
  if (!Array.isArray(members)) return []
  return members.flatMap((one: { value?: unknown } | null) => (typeof one?.value === 'string' ? [one.value] : []))
}

function ofNow<T>(outcome: T | ResourceRefused | 'meanwhile'): T {
  if (outcome === 'meanwhile')
    throw new SCIMMY.Types.Error(412, '', 'It was changed meanwhile. Read it again, and try again')
  if (typeof outcome === 'object' && outcome !== null && 'refused' in outcome) {
    const { status, scimType, detail } = (outcome as ResourceRefused).refused
    throw new SCIMMY.Types.Error(status, scimType ?? '', detail)
  }
  return outcome as T
}

function missing(id: string | undefined): Error {
  return new SCIMMY.Types.Error(404, '', `There is no ${String(id).slice(0, 64)}`)
}

/** What scimmy does not know it takes for "not found": a fault of ours must not look as if somebody were gone. */
async function answered<T>(context: ScimContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof SCIMMY.Types.Error) throw error
    context.onFault(error)
    const what = classifyFailure(error) === 'not-recorded' ? 'Nothing was recorded' : 'It may not have been recorded'
    throw new SCIMMY.Types.Error(500, '', `${what}. Try again`)
  }
}

/** Our own attributes, which a directory may map if it knows them. */
function personSchema() {
  const { Attribute, SchemaDefinition, Schema } = SCIMMY.Types
  const definition = new SchemaDefinition('CountersignUser', PERSON, 'What Countersign takes besides', [
    new Attribute('string', 'identityAssurance', {
      canonicalValues: ['IAL1', 'IAL2', 'IAL3'],
      description: 'The identity assurance level of NIST SP 800-63 that the directory claims',
    }),
    new Attribute('dateTime', 'leftAt', { description: 'The moment at which a leaving takes effect' }),
  ])
  return class extends Schema {
    static override get id() {
      return definition.id
    }
    static override get definition() {
      return definition
    }
    constructor(resource: object, direction: 'in' | 'out' | 'both' = 'both', basepath?: string, filters?: never) {
      super(resource, direction)
      Object.assign(this, definition.coerce(resource, direction, basepath, filters))
    }
  }
}
