import { GIVEN_OUT } from './check-directory.ts'
import type { Path, Report } from './fault.ts'
import type { PolicyFile } from './policy-file.ts'
import { checkPerson, type References } from './references.ts'

/** One id is one identity, person or machine; and for each machine answers a person who is here. */
export function checkMachines(file: PolicyFile, references: References, report: Report): void {
  const taken = new Map([...references.people].map((id) => [id.toLowerCase(), id]))
  for (const [id, { owner }] of Object.entries(file.machines ?? {})) {
    const path: Path = ['machines', id]
    const twin = taken.get(id.toLowerCase())
    if (twin !== undefined) {
      const other = references.people.has(twin) ? 'a person' : 'another machine'
      const remedy = 'Choose another id: one id is one person or one machine, whatever its capital letters'
      report({ path, at: 'key', message: `${twin} is ${other}`, remedy })
    }
    taken.set(id.toLowerCase(), twin ?? id)
    if (GIVEN_OUT.test(id)) {
      const remedy = 'Choose another id: those are given to people that the directory pushes'
      report({ path, at: 'key', message: `${id} looks like an id of the directory's people`, remedy })
    }
    checkPerson(owner, [...path, 'owner'], references, report)
    if (references.left.has(owner)) {
      const remedy = 'Name another owner; until then it is orphaned'
      report({ severity: 'warning', path: [...path, 'owner'], message: `The owner ${owner} has left`, remedy })
    }
  }
}
