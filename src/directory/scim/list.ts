import type { RequestHandler } from 'express'
import SCIMMY from 'scimmy'
import type { People } from '../../domain/people.ts'
import { isProvisioned } from '../../domain/people.ts'
import { indexOf } from '../../workflow/provision-people.ts'
import { groupOf, type ScimContext, userOf } from './resources.ts'

/** On a page, unless asked for fewer or for more. */
const PAGE = 100
const MOST_A_PAGE = 500

/**
 * Lists with a filter, page by page. scimmy makes a whole resource of everybody before it cuts a page out: with
 * thousands of people that takes seconds, and a directory asks for one before each that it creates.
 */
export function listOf(kind: 'User' | 'Group', contextOf: () => ScimContext): RequestHandler {
  return async (request, response, next) => {
    try {
      const { [kind]: Resource } = SCIMMY.Resources
      const { startIndex: from, count: most, sortBy, sortOrder, ...query } = request.query
      const filter = typeof query.filter === 'string' ? { filter: readFilter(query.filter) } : {}
      const asked = new Resource({ ...query, ...filter } as never)
      const startIndex = Math.max(wholeNumber(from, 1), 1)
      const count = Math.min(Math.max(wholeNumber(most, PAGE), 0), MOST_A_PAGE)
      const people = await contextOf().provisioning.look()
      const found = select(kind, people, asked.filter)
      const ordered = typeof sortBy === 'string' ? sorted(found, sortBy, sortOrder === 'descending') : found
      const page = ordered.slice(startIndex - 1, startIndex - 1 + count)
      const schema = SCIMMY.Schemas[kind] as unknown as new (...given: unknown[]) => object
      response.type('application/scim+json').send(
        JSON.stringify({
          schemas: [SCIMMY.Messages.ListResponse.id],
          ...{ totalResults: found.length, startIndex, itemsPerPage: page.length },
          Resources: page.map((one) => new schema(one, 'out', Resource.basepath(), asked.attributes)),
        }),
      )
    } catch (error) {
      next(error)
    }
  }
}

type Plain = { readonly id: string } & Record<string, unknown>

function select(kind: 'User' | 'Group', people: People, filter: SCIMMY.Types.Filter | undefined): Plain[] {
  if (kind === 'Group') {
    const groups = [...people.groups.values()].filter((group) => !group.removed).map(groupOf)
    return filter === undefined ? groups : match(filter, groups)
  }
  const one = singled(filter, people)
  if (one !== undefined) {
    const state = one === null ? undefined : people.persons.get(one)
    return state === undefined || !isProvisioned(state) ? [] : [userOf(state)]
  }
  const users = [...people.persons.values()].filter(isProvisioned).map(userOf)
  return filter === undefined ? users : match(filter, users)
}

/** The one question that is asked before everybody who is created. Undefined for any other; null for nobody. */
function singled(filter: SCIMMY.Types.Filter | undefined, people: People): string | null | undefined {
  const [, attribute, quoted] =
    /^(userName|externalId|id) eq ("(?:[^"\\]|\\.)*")$/i.exec(filter?.expression ?? '') ?? []
  if (attribute === undefined || quoted === undefined) return undefined
  const value = String(JSON.parse(quoted))
  switch (attribute.toLowerCase()) {
    case 'username':
      return indexOf(people).byUserName(value)
    case 'externalid':
      return indexOf(people).byExternalId(value)
    default:
      return value
  }
}

/**
 * The filter in the words that scimmy reads: it does not know a quote inside of quotes, nor an attribute by its full
 * name, both of which RFC 7644 (sections 3.4.2.2 and 3.10) allows.
 */
function readFilter(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|\burn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):/gi, (part) =>
    part.startsWith('"') ? readText(part) : '',
  )
}

function readText(quoted: string): string {
  const text = JSON.stringify(meantBy(quoted)).slice(1, -1)
  return `"${text.replaceAll(/\\(["\\])/g, (_, sign) => (sign === '"' ? '\\u0022' : '\\u005c'))}"`
}

function meantBy(quoted: string): string {
  try {
    return String(JSON.parse(quoted))
  } catch {
    throw new SCIMMY.Types.Error(400, 'invalidFilter', 'A value in quotes is written as in JSON: a backslash twice')
  }
}

/** Text is compared in any case, as RFC 7643 says of every attribute that is not an id. */
function match(filter: SCIMMY.Types.Filter, all: readonly Plain[]): Plain[] {
  const branches = [...filter].map(read).map((branch) => ({
    filter: new SCIMMY.Types.Filter([branch]),
    inside: insideOf(branch),
  }))
  return all.filter((one) => {
    const low = JSON.parse(lowered(JSON.stringify(one))) as object
    return branches.some(({ filter, inside }) => filter.match([withMissing(low, inside)]).length > 0)
  })
}

/** Texts as they were meant, and low: scimmy leaves what is escaped in them as it came. */
function read<T>(wanted: T): T {
  if (typeof wanted === 'string') return meantBy(`"${wanted}"`).toLowerCase() as T
  if (Array.isArray(wanted)) return wanted.map(read) as T
  if (typeof wanted !== 'object' || wanted === null || wanted instanceof Date) return wanted
  return Object.fromEntries(Object.entries(wanted).map(([name, one]) => [name, read(one)])) as T
}

/** What a filter looks into, as `emails` of `emails.value`. */
function insideOf(branch: object): string[] {
  return Object.entries(branch).flatMap(([name, wanted]) => (Array.isArray(wanted) ? [] : [name]))
}

/** Who has no e-mail has none that fits: scimmy trips over what is not there. */
function withMissing(one: object, names: readonly string[]): object {
  const there = new Set(Object.keys(one).map((name) => name.toLowerCase()))
  const missing = names.filter((name) => !there.has(name.toLowerCase()))
  return { ...one, ...Object.fromEntries(missing.map((name) => [name, {}])) }
}

/** Values alone: names of attributes stay as they are. */
function lowered(text: string): string {
  return text.replaceAll(/:("(?:[^"\\]|\\.)*")/g, (value) => value.toLowerCase())
}

function sorted(all: readonly Plain[], path: string, descending: boolean): Plain[] {
  const valueAt = (one: Plain) => {
    const value = path.split('.').reduce<unknown>((at, name) => {
      const inner = Array.isArray(at) ? (at.find((each) => each?.primary === true) ?? at[0]) : at
      return typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[name] : undefined
    }, one)
    return typeof value === 'string' ? value.toLowerCase() : String(value ?? '')
  }
  const way = descending ? -1 : 1
  return all
    .map((one) => [valueAt(one), one] as const)
    .sort(([a], [b]) => (a < b ? -way : a > b ? way : 0))
    .map(([, one]) => one)
}

function wholeNumber(value: unknown, otherwise: number): number {
  return typeof value === 'string' && /^-?\d{1,9}$/.test(value) ? Number(value) : otherwise
}
