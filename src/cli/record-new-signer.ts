import { appointSigner } from '../workflow/appoint-signer.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { Arguments } from './read-arguments.ts'
import { DONE, type ExitCode, say } from './terminal.ts'
import { withSealedRecord } from './with-record.ts'

/** Lets the next key sign the log, while processes run. */
export async function recordNewSigner(given: Arguments): Promise<ExitCode> {
  return withSealedRecord<ExitCode>(async (acting) => {
    const { signer, nextSigner } = acting.keys
    const { vkey, from, isNew } = await appointSigner({ ...acting, signer, nextSigner }, given.value('as'))
    say(`${isNew ? 'From now on' : 'Since before'}, the log is signed with its new key, from size ${from} on.`)
    say('Now make it the key of every process (SIGNING_KEY_FILE or SIGNER in place of NEXT_…), and restart them one by')
    say('one. Then destroy the old key. Evidence from now on verifies with either; give auditors the new one:')
    say(vkey)
    say(`Its fingerprint: ${fingerprintOf(vkey)} (SHA-256)`)
    return DONE
  })
}
