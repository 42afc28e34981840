import type { Policy } from './policy.ts'

/** Who has a say over others, and is in one of these lists in one policy and not in the other: `compliance: +E1007 −E1006`. */
export function changedStewards(before: Policy | null, after: Policy): string[] {
  const [was, is] = [before === null ? new Map<string, readonly string[]>() : listsOf(before), listsOf(after)]
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((name) => {
    const [old, now] = [was.get(name) ?? [], is.get(name) ?? []]
    const signs = [
      ...now.filter((id) => !old.includes(id)).map((id) => `+${id}`),
      ...old.filter((id) => !now.includes(id)).map((id) => `−${id}`),
    ]
    return signs.length === 0 ? [] : [`${name}: ${signs.join(' ')}`]
  })
}

function listsOf(policy: Policy): Map<string, readonly string[]> {
  const { compliance, escalateTo, mayFreeze, keepers, directory, targets } = policy
  return new Map<string, readonly string[]>([
    ['compliance', compliance],
    ['escalateTo', escalateTo],
    ['mayFreeze', mayFreeze],
    ['keepers', keepers],
    ['directory.administrators', directory?.administrators ?? []],
    ...Object.values(targets).map(({ name, owners }): [string, readonly string[]] => [`owners of ${name}`, owners]),
  ])
}
