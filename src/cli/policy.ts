import { POLICY_STREAM } from '../domain/house-event.ts'
import { enqueue } from '../effects/enqueue.ts'
import { hashPolicy } from '../policy/build-policy.ts'
import { formatFault } from '../policy/fault.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import { activatePolicy } from '../workflow/activate-policy.ts'
import { toEffect } from '../workflow/to-effect.ts'
import type { Arguments } from './read-arguments.ts'
import { readText } from './read-text.ts'
import { DONE, type ExitCode, NO, oneLine, say, warn } from './terminal.ts'
import { withSealedRecord } from './with-record.ts'

/** How long an activation waits for the witnesses before it says that they are late. */
const PATIENCE_MS = 10_000

/** Reads a policy as a start would, and says all that is wrong with it. Needs neither database nor configuration. */
export async function policyCheck(given: Arguments): Promise<ExitCode> {
  const file = given.word(0)
  const reading = parsePolicy(await readText(file), file)
  for (const warning of reading.warnings) say(`${formatFault(file, warning)} (warning)`)
  const warned = counted(reading.warnings.length, 'warning')
  if ('faults' in reading) {
    for (const fault of reading.faults) say(formatFault(file, fault))
    say(`${file} is not a valid policy: ${counted(reading.faults.length, 'fault')}, ${warned}`)
    return NO
  }
  const { hash, people, targets } = reading.policy
  const holds = `${counted(people.length, 'person', 'people')}, ${counted(Object.keys(targets).length, 'target')}`
  say(`${file} is a valid policy: ${holds}, ${warned}. Its hash is ${hash}`)
  return DONE
}

/** Puts a policy that some process has loaded into force. */
export async function policyActivate(given: Arguments): Promise<ExitCode> {
  const start = await hashStartOf(given.word(0))
  return withSealedRecord<ExitCode>(async (acting) => {
    const { db, record, clock, committed, sealed } = acting
    const activated = await activatePolicy(
      {
        ...{ db, record, clock, committed },
        changed: (tx) => enqueue(tx, toEffect({ kind: 'announce', stream: POLICY_STREAM }), clock.now()),
      },
      start,
      given.value('as'),
    )
    const { policy, before, diff, seq } = activated
    say(`The policy ${policy} is in force, by ${given.value('as')}.`)
    say(before === null ? 'It is the first.' : `Until now it was ${before}. What changed:`)
    if (before !== null) say(diff.split('\n').map(oneLine).join('\n'))
    await sealed(POLICY_STREAM, seq, AbortSignal.timeout(PATIENCE_MS)).catch(() => {
      warn('It is recorded, but not yet in a witnessed checkpoint: look at /readyz of the running processes.')
    })
    return DONE
  })
}

/** A file stands for the hash of its text. */
async function hashStartOf(word: string): Promise<string> {
  return /^[0-9a-f]{6,64}$/.test(word) ? word : hashPolicy(await readText(word))
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count === 0 ? 'no' : count} ${count === 1 ? one : many}`
}
