import type { Db } from '../db/transaction.ts'
import type { Policy } from '../domain/policy.ts'
import { nearest } from '../policy/did-you-mean.ts'
import { quote } from '../policy/fault.ts'

const MOST_NAMED = 20

/**
 * Names that neither the policy in force nor any request on record knows, each in a sentence with what is nearest. Who or
 * what has left is on record, and known.
 */
export async function unknownNames(db: Db, policy: Policy, { person, target }: Named): Promise<string[]> {
  const people = [...policy.people.map(({ id }) => id), ...policy.machines.map(({ id }) => id)]
  const targets = Object.keys(policy.targets)
  const rows = await db<{ person: boolean; target: boolean }[]>`
    select exists (select from grant_state where by_identity = ${person} or for_identity = ${person}) as person,
      exists (select from grant_state where target = ${target}) as target`
  const onRecord = rows[0] ?? { person: false, target: false }
  return [
    ...(person === null || onRecord.person ? [] : unknown('--person', person, people)),
    ...(target === null || onRecord.target ? [] : unknown('--target', target, targets)),
  ]
}

function unknown(flag: string, name: string, known: readonly string[]): string[] {
  if (known.includes(name)) return []
  const meant = nearest(name, known)
  const some = `Known are ${known.slice(0, MOST_NAMED).join(', ')}${known.length > MOST_NAMED ? ', …' : ''}`
  return [
    `${flag} ${quote(name)}: neither the policy in force nor any request on record knows that name. ${meant === null ? some : `Did you mean ${meant}? ${some}`}`,
  ]
}

interface Named {
  readonly person: string | null
  readonly target: string | null
}
