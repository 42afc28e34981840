import type { Path, Report } from './fault.ts'
import type { PolicyFile } from './policy-file.ts'
import { checkList, type References } from './references.ts'

/** One name is one group, one id of the directory is one human, and an id that the directory gives out is not taken. */
export function checkDirectory(file: PolicyFile, references: References, report: Report): void {
  const said = new Map<string, string>()
  for (const [name, group] of Object.entries(file.directory?.groups ?? {})) {
    const path: Path = ['directory', 'groups', name]
    if (references.groups.has(name)) {
      const remedy = 'Give one of them another name: group:name must mean one list'
      report({ path, at: 'key', message: `${name} is a group of this file too`, remedy })
    }
    const twin = said.get(group.toLowerCase())
    if (twin !== undefined) report({ path, message: `${twin} is the same group`, remedy: 'Keep one name for it' })
    said.set(group.toLowerCase(), name)
  }
  checkList(file.directory?.administrators ?? [], ['directory', 'administrators'], references, report)
  checkExternalIds(file, report)
}

/** Ids that people of the directory get here. */
export const GIVEN_OUT = /^P-[0-9A-HJKMNP-TV-Z]{8}$/

function checkExternalIds(file: PolicyFile, report: Report): void {
  const owners = new Map<string, string>()
  for (const [id, { externalId }] of Object.entries(file.people)) {
    if (GIVEN_OUT.test(id)) {
      const remedy = 'Choose another id: those are given to people that the directory pushes'
      report({ path: ['people', id], at: 'key', message: `${id} looks like an id of the directory's people`, remedy })
    }
    if (externalId === undefined) continue
    const owner = owners.get(externalId)
    if (owner !== undefined) {
      const path: Path = ['people', id, 'externalId']
      report({ path, message: `${externalId} is ${owner} already`, remedy: 'Keep one entry for one human' })
    }
    owners.set(externalId, owner ?? id)
  }
}
