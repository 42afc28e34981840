import { retireMacKeys } from '../workflow/retire-mac-keys.ts'
import type { Arguments } from './read-arguments.ts'
import { DONE, type ExitCode, say } from './terminal.ts'
import { withSealedRecord } from './with-record.ts'

/** After the processes write under a new MAC key: nothing new counts under the ones before. */
export async function recordRetireMacKey(given: Arguments): Promise<ExitCode> {
  return withSealedRecord<ExitCode>(async (acting) => {
    const retired = await retireMacKeys(acting, given.value('as'))
    if (retired.length === 0) say('OTHER_MAC_KEY_FILES names no MAC key of before.')
    for (const { id, leaf } of retired) {
      say(`The MAC key ${id} is retired: from leaf ${leaf} on, nothing under it is genuine.`)
      say(
        `Write it as <its file>@${leaf} in OTHER_MAC_KEY_FILES of every process, and keep it: what is older is checked with it.`,
      )
    }
    return DONE
  })
}
