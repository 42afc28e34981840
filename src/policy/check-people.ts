import { readAccount } from './account.ts'
import { checkDirectory } from './check-directory.ts'
import type { Path, Report } from './fault.ts'
import { skeletonOf } from './names.ts'
import type { PolicyFile } from './policy-file.ts'
import { checkList, checkPerson, type References } from './references.ts'

/** One human is one entry: two accounts, two ids or two spellings of one name must not become two persons. */
export function checkPeople(file: PolicyFile, references: References, report: Report): void {
  checkAccounts(file, report)
  checkNames(file, report)
  checkManagers(file, references, report)
  for (const [group, members] of Object.entries(file.groups ?? {})) {
    checkList(members, ['groups', group], references, report)
  }
  checkDirectory(file, references, report)
}

function checkAccounts(file: PolicyFile, report: Report): void {
  const owners = new Map<string, string>()
  for (const [id, person] of Object.entries(file.people)) {
    for (const [index, entry] of (person.accounts ?? []).entries()) {
      const { platform, tenant, id: account } = readAccount(entry)
      const key = `${platform} ${tenant}/${account}`
      const owner = owners.get(key)
      owners.set(key, owner ?? id)
      if (owner === undefined) continue
      const path: Path = ['people', id, 'accounts', index, platform]
      const whose = owner === id ? 'twice here' : `of ${owner} too`
      report({
        path,
        message: `The account ${Object.values(entry)[0]} is listed ${whose}`,
        remedy: 'Keep it with its one owner',
      })
    }
  }
}

function checkNames(file: PolicyFile, report: Report): void {
  const ids = new Map<string, string>()
  const seen = new Map<string, { id: string; name: string }>()
  for (const [id, { name }] of Object.entries(file.people)) {
    const twin = ids.get(id.toLowerCase())
    if (twin !== undefined) {
      const message = `${id} and ${twin} differ in capital letters only`
      report({
        path: ['people', id],
        at: 'key',
        message,
        remedy: 'Keep one entry for one person, or choose another id',
      })
    }
    ids.set(id.toLowerCase(), id)

    const skeleton = skeletonOf(name)
    const other = seen.get(skeleton)
    if (other === undefined) {
      seen.set(skeleton, { id, name })
      continue
    }
    const path: Path = ['people', id, 'name']
    const remedy = 'For one human keep one entry with all accounts; for two, add what tells them apart'
    const same = other.name.normalize('NFC') === name.normalize('NFC')
    if (same) report({ severity: 'warning', path, message: `${other.id} is called ${name} too`, remedy })
    else report({ path, message: `This name looks like that of ${other.id} and is written differently`, remedy })
  }
}

function checkManagers(file: PolicyFile, references: References, report: Report): void {
  for (const [id, { manager, status }] of Object.entries(file.people)) {
    if (manager === undefined) continue
    const path: Path = ['people', id, 'manager']
    if (manager === id) {
      report({ path, message: `${id} is their own manager`, remedy: 'Name another person, or leave manager out' })
      continue
    }
    checkPerson(manager, path, references, report)
    if (references.left.has(manager) && status !== 'left') {
      const remedy = 'Name the new manager; until then a rule that asks for the manager has nobody here'
      report({ severity: 'warning', path, message: `The manager ${manager} has left`, remedy })
    }
  }
  for (const circle of circlesOf(file)) {
    const message = `Managers go round in a circle: ${[...circle, circle[0]].join(' → ')}`
    const path: Path = ['people', circle[0] ?? '', 'manager']
    report({ path, message, remedy: 'Leave manager out for whoever stands at the top' })
  }
}

/** Every circle of two and more, once. */
function circlesOf(file: PolicyFile): string[][] {
  const done = new Set<string>()
  const circles: string[][] = []
  for (const start of Object.keys(file.people)) {
    const chain = new Set<string>()
    let id: string | undefined = start
    while (id !== undefined && !chain.has(id) && !done.has(id)) {
      chain.add(id)
      id = Object.hasOwn(file.people, id) ? file.people[id]?.manager : undefined
    }
    const walked = [...chain]
    if (id !== undefined && chain.has(id)) circles.push(walked.slice(walked.indexOf(id)))
    for (const member of walked) done.add(member)
  }
  return circles.filter((circle) => circle.length > 1)
}
