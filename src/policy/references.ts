import { didYouMean } from './did-you-mean.ts'
import type { Path, Report } from './fault.ts'
import type { PolicyFile } from './policy-file.ts'

/** Who and what a file names, as the checks look it up. Names of entries that do not fit count: they are named. */
export interface References {
  readonly people: ReadonlySet<string>
  readonly groups: ReadonlyMap<string, readonly string[]>
  /** Groups whose members only the directory knows. */
  readonly directoryGroups: ReadonlySet<string>
  readonly left: ReadonlySet<string>
}

export function collectReferences(file: PolicyFile, data: unknown): References {
  const groups = file.groups ?? {}
  return {
    people: new Set(namesUnder(data, 'people')),
    groups: new Map(
      namesUnder(data, 'groups').map((name) => [name, Object.hasOwn(groups, name) ? (groups[name] ?? []) : []]),
    ),
    directoryGroups: new Set(Object.keys(file.directory?.groups ?? {})),
    left: new Set(Object.entries(file.people).flatMap(([id, person]) => (person.status === 'left' ? [id] : []))),
  }
}

/** Reports a person that the file does not have. */
export function checkPerson(id: string, path: Path, references: References, report: Report): void {
  if (references.people.has(id)) return
  if (references.groups.has(id)) {
    report({ path, message: `"${id}" is a group, not a person`, remedy: `Write group:${id} where groups may stand` })
    return
  }
  const remedy = didYouMean(id, references.people, 'Add the person under people, or correct the id')
  report({ path, message: `There is no person "${id}"`, remedy })
}

/** Reports a person or a `group:name` that the file does not have. */
export function checkPersonOrGroup(text: string, path: Path, references: References, report: Report): void {
  if (!text.startsWith('group:')) {
    checkPerson(text, path, references, report)
    return
  }
  const group = text.slice('group:'.length)
  if (references.groups.has(group) || references.directoryGroups.has(group)) return
  const known = [...references.groups.keys(), ...references.directoryGroups]
  const remedy = didYouMean(group, known, 'Add the group under groups or directory.groups, or correct the name')
  report({ path, message: `There is no group "${group}"`, remedy })
}

/**
 * Checks one list of persons and groups: everybody there, once, and not gone. Somebody who left and still
 * stands in a list is a fault, because the list then looks longer than it is.
 */
export function checkList(list: readonly string[], path: Path, references: References, report: Report): void {
  for (const [index, text] of list.entries()) {
    const at = [...path, index]
    checkPersonOrGroup(text, at, references, report)
    if (references.left.has(text))
      report({ path: at, message: `${text} has left`, remedy: `Take ${text} out of this list` })
    if (list.indexOf(text) !== index) {
      report({ path: at, message: `${text} is listed twice`, remedy: 'Keep one; a person counts once' })
    }
  }
}

/**
 * The persons that a list of persons and groups names, each once, in the order of the file. A group of the directory
 * stays as it is written: who is in it is known when it is asked for.
 */
export function resolvePeople(list: readonly string[], references: References): string[] {
  const ids = list.flatMap((text) => {
    if (!text.startsWith('group:')) return [text]
    const group = text.slice('group:'.length)
    return references.directoryGroups.has(group) ? [text] : (references.groups.get(group) ?? [])
  })
  return [...new Set(ids)]
}

function namesUnder(data: unknown, section: string): string[] {
  if (typeof data !== 'object' || data === null) return []
  const value: unknown = Reflect.get(data, section)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : []
}
