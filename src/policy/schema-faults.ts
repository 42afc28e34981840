import { z } from 'zod'
import { didYouMean } from './did-you-mean.ts'
import { type Finding, formatPath, type Path, quote } from './fault.ts'
import { type PolicyFile, policyFile } from './policy-file.ts'

/** Says in our words what does not fit the form, every place once. */
export function findingsOfForm(data: unknown): Finding[] {
  const result = policyFile.safeParse(data)
  return result.success ? [] : result.error.issues.flatMap((issue) => findingsOf(issue, data))
}

/**
 * The data with what does not fit cut out or replaced by a stand-in, so that one misspelt line does not
 * hide the faults between lines. Good for looking only: what it replaced has been reported already.
 * Null when there is nothing to look at.
 */
export function salvage(data: unknown): PolicyFile | null {
  const rest: unknown = structuredClone(data)
  for (let round = 0; round < 10; round++) {
    const result = policyFile.safeParse(rest)
    if (result.success) return result.data
    for (const issue of result.error.issues) {
      const path = pathOf(issue.path)
      if (issue.code === 'unrecognized_keys') for (const key of issue.keys) remove(rest, [...path, key])
      else replace(rest, path)
    }
  }
  return null
}

function findingsOf(issue: z.core.$ZodIssue, data: unknown): Finding[] {
  const path = pathOf(issue.path)
  const value = valueAt(data, path)
  const name = String(path.at(-1) ?? 'the file')
  const finding = (message: string, remedy: string, at: 'key' | 'value' = 'value'): Finding[] => [
    { severity: 'fault', path, at, message, remedy },
  ]
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(path)
      return issue.keys.map((key) => ({
        severity: 'fault',
        path: [...path, key],
        at: 'key',
        message: `${quote(key)} is no setting here`,
        remedy: didYouMean(key, known, `Write one of ${known.join(', ')}, or delete the line`),
      }))
    }
    case 'invalid_key': {
      const inner = issue.issues[0]
      return finding(
        `${quote(name)} ${inner?.message ?? 'is no name'}`,
        remedyOf(inner) ?? 'Choose another name',
        'key',
      )
    }
    case 'custom':
      return finding(`${shown(path, value)} ${issue.message}`, remedyOf(issue) ?? 'Correct it')
    case 'invalid_union': {
      // A block of settings can only have been meant as the one choice that is a block.
      const inner = issue.errors.at(-1) ?? []
      if (typeof value !== 'object' || value === null || Array.isArray(value)) break
      return inner.flatMap((one) => findingsOf({ ...one, path: [...issue.path, ...one.path] }, data))
    }
    case 'too_small':
      if (Array.isArray(value)) return finding(`${name} is empty`, 'List at least one, or leave the line out')
      return finding(`${quote(value)} is too small`, `Write at least ${issue.minimum}`)
    case 'too_big':
      return finding(`${quote(value)} is too large`, `Write at most ${issue.maximum}`)
    default:
  }
  if (value === undefined)
    return finding(`${name} is missing`, `Add ${name}: to ${formatPath(path.slice(0, -1)) || 'the file'}`, 'key')
  if (path.length === 0 && value === null) return finding('The file is empty', 'Start from docs/policy.example.yaml')
  if (value === null) return finding(`${name} is empty`, 'Write a value, or leave the line out')
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String)
    return finding(
      `${quote(value)} is not accepted`,
      didYouMean(String(value), values, `Write one of ${values.join(', ')}`),
    )
  }
  if (issue.code === 'invalid_type') {
    const [what, remedy] = EXPECTED[issue.expected] ?? [issue.expected, 'Correct it']
    return finding(`${shown(path, value)} is not ${what}`, remedy)
  }
  return finding(`${shown(path, value)} ${issue.message}`, 'See docs/policy.example.yaml')
}

const EXPECTED: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  string: ['text', 'Put it in quotes'],
  int: ['a whole number', 'Write a whole number without quotes'],
  number: ['a number', 'Write a whole number without quotes'],
  boolean: ['true or false', 'Write true or false'],
  array: ['a list', 'Write it as a list: [a, b]'],
  object: ['a block of settings', 'Write indented lines of the form name: value'],
  record: ['a block of named entries', 'Write indented lines of the form name: value'],
}

/** A value for a message; never that of a setting which should have been a reference to a secret. */
function shown(path: Path, value: unknown): string {
  if (path.includes('connector')) return String(path.at(-1))
  return typeof value === 'object' ? String(path.at(-1) ?? 'the file') : quote(value)
}

function remedyOf(issue: z.core.$ZodIssue | undefined): string | null {
  if (issue?.code !== 'custom') return null
  return typeof issue.params?.remedy === 'string' ? issue.params.remedy : null
}

/** The settings that the form knows at a path. */
function keysAt(path: Path): string[] {
  let schema: unknown = policyFile
  for (const part of path) {
    schema = unwrapped(schema)
    if (schema instanceof z.ZodObject) schema = schema.shape[part]
    else if (schema instanceof z.ZodRecord) schema = schema.valueType
    else if (schema instanceof z.ZodArray) schema = schema.element
  }
  schema = unwrapped(schema)
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

function unwrapped(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional) return unwrapped(schema.unwrap())
  return schema instanceof z.ZodUnion ? schema.options.at(-1) : schema
}

function pathOf(path: readonly PropertyKey[]): Path {
  return path.map((part) => (typeof part === 'number' ? part : String(part)))
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => {
    const holds = typeof value === 'object' && value !== null && Object.hasOwn(value, part)
    return holds ? Reflect.get(value, part) : undefined
  }, data)
}

/** Deletes a setting that nobody knows, also one that has a stand-in where it belongs. */
function remove(data: unknown, path: Path): void {
  const parent = valueAt(data, path.slice(0, -1))
  if (typeof parent === 'object' && parent !== null) Reflect.deleteProperty(parent, path.at(-1) ?? '')
}

/** Puts a stand-in at a path, or deletes what is there when it may be left out. */
function replace(data: unknown, path: Path): void {
  const parent = valueAt(data, path.slice(0, -1))
  const part = path.at(-1)
  if (typeof parent !== 'object' || parent === null || part === undefined) return
  // A hole in a list would move its later entries, and the places of their faults with them.
  const standIn = STAND_INS.get(path[0] === 'machines' ? `machine ${part}` : part) ?? STAND_INS.get(part)
  if (Array.isArray(parent)) replace(data, path.slice(0, -1))
  else if (standIn === undefined) Reflect.deleteProperty(parent, part)
  else Reflect.set(parent, part, structuredClone(standIn))
}

/** By name: for what may not be left out, and for what would be missed elsewhere. */
const STAND_INS: ReadonlyMap<string | number, unknown> = new Map<string, unknown>([
  ['timeZone', 'UTC'],
  ['machine owner', 'nobody'],
  ['machine kind', 'bot'],
  ['channel', 'none'],
  ['escalateTo', ['nobody']],
  ['compliance', ['nobody']],
  ['people', {}],
  ['targets', {}],
  ['name', 'nobody'],
  ['maxDuration', '1s'],
  ['approvals', [{ need: 1, from: ['owners'] }]],
  ['need', 1],
  ['from', ['owners']],
  ['description', 'none'],
  ['level', 'read'],
  ['grants', 'none'],
  ['owners', ['nobody']],
  ['connector', { kind: 'postgres', url: 'env:NONE' }],
  ['kind', 'postgres'],
  ['url', 'env:NONE'],
  ['entitlements', {}],
])
