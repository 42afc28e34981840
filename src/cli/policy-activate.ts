import { POLICY_STREAM } from '../domain/house-event.ts'
import { enqueue } from '../effects/enqueue.ts'
import { hashPolicy } from '../policy/build-policy.ts'
import { activatePolicy } from '../workflow/activate-policy.ts'
import { POLICY_CHANGED, toEffect } from '../workflow/to-effect.ts'
import type { Arguments } from './read-arguments.ts'
import { readText } from './read-text.ts'
import { DONE, type ExitCode, oneLine, say, warn } from './terminal.ts'
import { withSealedRecord } from './with-record.ts'

/** How long an activation waits for the witnesses before it says that they are late. */
const PATIENCE_MS = 10_000

/** Puts a policy that some process has loaded into force. */
export async function policyActivate(given: Arguments): Promise<ExitCode> {
  const start = await hashStartOf(given.word(0))
  return withSealedRecord<ExitCode>(async (acting) => {
    const { db, record, witnessed, clock, committed, sealed } = acting
    const activated = await activatePolicy(
      {
        ...{ db, record, witnessed, clock, committed },
        changed: (tx) => enqueue(tx, POLICY_CHANGED.map(toEffect), clock.now()),
      },
      start,
      given.value('as'),
    )
    const { policy, before, unproved, diff, seq } = activated
    say(`The policy ${policy} is in force, by ${given.value('as')}.`)
    if (unproved !== null) warn(`Somebody changed the record (${unproved}): that it is in force rests on your word.`)
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
