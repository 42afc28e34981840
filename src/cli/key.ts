import { openKeys } from '../open-keys.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { Arguments } from './read-arguments.ts'
import { DONE, type ExitCode, say, sayJson } from './terminal.ts'
import { configuration } from './with-record.ts'

/** Prints the verifier key of the log: what an auditor must be given by another way than the evidence. */
export async function key(given: Arguments): Promise<ExitCode> {
  const { keys, logOrigin } = configuration()
  const { vkey } = (await openKeys(keys, logOrigin)).signer
  if (given.isOn('json')) sayJson({ origin: logOrigin, verifierKey: vkey, fingerprint: fingerprintOf(vkey) })
  else say(vkey)
  return DONE
}
