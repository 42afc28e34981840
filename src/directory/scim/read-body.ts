import SCIMMY from 'scimmy'

/**
 * Makes of what Okta and Entra send what the standard says: Entra writes booleans as strings and operations with a
 * capital letter, and puts attributes of an extension into one flat object.
 * @returns null for what no directory sends: nested too deep, or with names that reach into objects
 */
export function readBody(body: unknown): unknown {
  if (!isPlain(body, 0)) return null
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  const { Operations: operations } = body as { Operations?: unknown }
  if (Array.isArray(operations) && !operations.every((one) => typeof one === 'object' && one !== null)) return null
  if (Array.isArray(operations)) return { ...body, Operations: operations.map(readOperation) }
  return readResource(body)
}

const DEEPEST = 8
const MOST_MEMBERS = 20_000

function isPlain(value: unknown, depth: number): boolean {
  if (depth > DEEPEST) return false
  if (Array.isArray(value)) return value.length <= MOST_MEMBERS && value.every((one) => isPlain(one, depth + 1))
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(
    ([name, one]) => !['__proto__', 'constructor', 'prototype'].includes(name) && isPlain(one, depth + 1),
  )
}

function readOperation(operation: unknown): unknown {
  if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) return operation
  const { path, value, ...rest } = operation as { path?: unknown; value?: unknown }
  if (typeof path !== 'string') return { ...rest, ...('value' in operation && { value: readResource(value) }) }
  if (MANAGER.test(path)) {
    const manager = typeof value === 'object' ? value : { value: String(value) }
    return { ...rest, path: path.replace(/\.value$/i, ''), ...('value' in operation && { value: manager }) }
  }
  const read = isBoolean(path) ? readBoolean(value) : readMembers(value)
  return { ...rest, path: readPath(path), ...('value' in operation && { value: read }) }
}

/** Entra sends the id alone. */
const MANAGER = /^urn:ietf:params:scim:schemas:extension:enterprise:2\.0:User:manager(\.value)?$/i

/**
 * Entra writes into the value of a list that is not there yet (`phoneNumbers[type eq "work"].value`), and means that it
 * shall be. What comes after finds it.
 */
export function addMissing(body: unknown, current: Readonly<Record<string, unknown>>): unknown {
  const operations = (body as { Operations?: unknown } | null)?.Operations
  if (!Array.isArray(operations)) return body
  const made = new Set<string>()
  return {
    ...(body as object),
    Operations: operations.map((operation: { op?: unknown; path?: unknown; value?: unknown } | null) => {
      const [, list = '', key = '', wanted = '', inner = ''] = INTO_LIST.exec(String(operation?.path ?? '')) ?? []
      if (list === '' || !/^(add|replace)$/i.test(String(operation?.op))) return operation
      const entries = Array.isArray(current[list]) ? (current[list] as Record<string, unknown>[]) : []
      const place = `${list}[${key} ${wanted}`
      if (made.has(place) || entries.some((one) => String(one?.[key]) === wanted)) return operation
      made.add(place)
      const is = /^(true|false)$/i.test(wanted) ? readBoolean(wanted) : wanted
      return { op: 'add', path: list, value: [{ [key]: is, [inner]: operation?.value }] }
    }),
  }
}

const INTO_LIST = /^(\w+)\[(\w+) eq "?([^"\]]*)"?\]\.(\w+)$/i

/** `active`, and `primary` of a list of values. */
function isBoolean(path: string): boolean {
  return /^(?:urn:ietf:params:scim:schemas:core:2\.0:User:)?active$|\.primary$/i.test(path)
}

/** The core schema's name before an attribute says nothing, and neither do its capital letters. */
function readPath(path: string): string {
  const bare = path.replace(/^urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):/i, '')
  return bare.replace(/^\w+/, (name) => NAMES.get(name.toLowerCase()) ?? name)
}

const NAMES: ReadonlyMap<string, string> = new Map(
  [SCIMMY.Schemas.User, SCIMMY.Schemas.Group]
    .flatMap(({ definition }) => definition.attributes.map((one) => String((one as { name?: unknown }).name)))
    .map((name) => [name.toLowerCase(), name]),
)

function readBoolean(value: unknown): unknown {
  // Entra wraps a single value into a list at times.
  const one = Array.isArray(value) && value.length === 1 ? (value[0] as { value?: unknown } | string) : value
  const said = typeof one === 'object' && one !== null && 'value' in one ? one.value : one
  if (typeof said !== 'string') return said
  return /^true$/i.test(said) ? true : /^false$/i.test(said) ? false : said
}

function readResource(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      readPath(name),
      /^active$/i.test(readPath(name)) ? readBoolean(one) : readMembers(one),
    ]),
  )
}

/** Lists of values have booleans too: `"primary": "True"`. */
function readMembers(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  return value.map((one: unknown) =>
    typeof one === 'object' && one !== null && 'primary' in one ? { ...one, primary: readBoolean(one.primary) } : one,
  )
}
