import { startNewOrigin } from '../record/new-origin.ts'
import { performNamed } from '../workflow/named-act.ts'
import type { Arguments } from './read-arguments.ts'
import { DONE, type ExitCode, oneLine, say } from './terminal.ts'
import { configuration, withRecord } from './with-record.ts'

const MOST_LOST = 20

/** After a restore that lost what a witness had confirmed: goes on under a new name, with the old tree's last note first. */
export async function recordNewOrigin(given: Arguments): Promise<ExitCode> {
  const by = given.value('as')
  const config = { ...configuration(), logOrigin: given.word(0) }
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
        by,
        at: clock.now(),
      }),
    )
    const { previousOrigin, carried, lost, vkey } = started
    say(`${config.logOrigin} follows ${previousOrigin}: ${carried} events came along, ${lost.length} are lost.`)
    for (const one of lost.slice(0, MOST_LOST)) say(`  ${oneLine(one)}`)
    if (lost.length > MOST_LOST) say(`  and ${lost.length - MOST_LOST} more`)
    say(`Now set LOG_ORIGIN=${config.logOrigin} for every process and start them. Within a minute they compare the`)
    say('targets with the record, and end access that the lost events explained. Auditors need the new key:')
    say(vkey)
    return DONE
  })
}
