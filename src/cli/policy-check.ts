import { counted } from '../domain/counted.ts'
import { needPasskey } from '../domain/policy.ts'
import { formatFault } from '../policy/fault.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import type { Arguments } from './read-arguments.ts'
import { readText } from './read-text.ts'
import { DONE, type ExitCode, NO, say } from './terminal.ts'

/** Reads a policy as a start would, and says all that is wrong with it. Needs neither database nor configuration. */
export async function policyCheck(given: Arguments): Promise<ExitCode> {
  const file = given.word(0)
  const reading = parsePolicy(await readText(file), file)
  for (const warning of reading.warnings) say(`${formatFault(file, warning)} (warning)`)
  const warned = countedOrNo(reading.warnings.length, 'warning')
  if ('faults' in reading) {
    for (const fault of reading.faults) say(formatFault(file, fault))
    say(`${file} is not a valid policy: ${countedOrNo(reading.faults.length, 'fault')}, ${warned}`)
    return NO
  }
  const { hash, people, targets } = reading.policy
  const holds = `${countedOrNo(people.length, 'person', 'people')}, ${countedOrNo(Object.keys(targets).length, 'target')}`
  const needs = needPasskey(reading.policy)
  if (needs.length > 0) {
    say(
      `A passkey is needed to approve ${needs.join(', ')}. They work where PUBLIC_URL is https and a name, or localhost`,
    )
  }
  say(`${file} is a valid policy: ${holds}, ${warned}. Its hash is ${hash}`)
  return DONE
}

function countedOrNo(count: number, one: string, many = `${one}s`): string {
  return count === 0 ? `no ${many}` : counted(count, one, many)
}
