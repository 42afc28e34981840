import { VARIABLES } from '../config-variables.ts'
import { counted } from '../domain/counted.ts'
import type { LostKey } from '../record/lost-key.ts'
import { startNewOrigin } from '../record/new-origin.ts'
import { performNamed } from '../workflow/named-act.ts'
import { fingerprintOf } from './fingerprint.ts'
import { type Arguments, UsageWrong } from './read-arguments.ts'
import { DONE, type ExitCode, oneLine, say } from './terminal.ts'
import { configuration, withRecord } from './with-record.ts'

const MOST_LOST = 20

/**
 * After a restore that lost what a witness had confirmed, or when the signing key is lost: goes on under a new name, with the
 * old tree's last note first.
 */
export async function recordNewOrigin(given: Arguments): Promise<ExitCode> {
  const by = given.value('as')
  const lost = readLost(given)
  const config = { ...configuration(), logOrigin: readName(given) }
  return withRecord<ExitCode>(config, async ({ database, clock, keys, witnessed, record, macs }) => {
    const { app, sealer } = database.pools
    // Nothing is sealed here but the new tree itself, so there is nobody to wake.
    const around = { db: app, record, clock, committed: () => undefined }
    const started = await performNamed(around, { by, act: 'start a new origin' }, () =>
      startNewOrigin({
        app,
        sealer,
        record,
        macKey: macs.spans(),
        signer: keys.signer,
        witnessed,
        lost,
        by,
        at: clock.now(),
      }),
    )
    const { previousOrigin, carried, lost: gone, cut, vkey } = started
    say(
      `${config.logOrigin} follows ${previousOrigin}: ${counted(carried, 'event')} came along, ${gone.length} could not.`,
    )
    for (const one of gone.slice(0, MOST_LOST)) say(`  ${oneLine(one)}`)
    if (gone.length > MOST_LOST) say(`  and ${gone.length - MOST_LOST} more`)
    if (cut > 0)
      say(
        `Lost before: witnesses had confirmed ${counted(cut, 'more event')}. Where a bucket is a witness, it has them still.`,
      )
    say(`Now set LOG_ORIGIN=${config.logOrigin} for every process and start them. Within a minute they compare the`)
    say('targets with the record, and end access that the lost events explained. Auditors need the new key:')
    say(vkey)
    if (lost === null) return DONE
    say(
      `Its fingerprint: ${fingerprintOf(vkey)} (SHA-256). Nothing signed by the lost key leads to it, so auditors must take`,
    )
    say(`your word: tell them yourself, and why. What was signed before stays under the key that they have:`)
    say(lost.vkey)
    return DONE
  })
}

/** No process could start under a name that LOG_ORIGIN does not take, and what is begun is not taken back. @throws UsageWrong */
function readName(given: Arguments): string {
  const read = VARIABLES.LOG_ORIGIN.safeParse(given.word(0))
  if (read.success) return read.data
  throw new UsageWrong(`The new name ${read.error.issues.map(({ message }) => message).join('; ')}`)
}

/** @throws UsageWrong */
function readLost(given: Arguments): LostKey | null {
  const [vkey, reason] = [given.value('lost-key').trim(), given.value('reason').trim()]
  if (vkey === '' && reason === '') return null
  if (vkey === '')
    throw new UsageWrong('--reason is for a key that is lost. Write --lost-key <vkey> too, or leave it out')
  if (reason === '')
    throw new UsageWrong('--lost-key needs --reason <text>: why it is lost. It goes on record, with your name')
  return { vkey, reason }
}
