import { parseDuration } from '../domain/duration.ts'
import { quote } from '../policy/fault.ts'
import { type Arguments, UsageWrong } from './read-arguments.ts'

/** How long the witnesses are waited for, when nothing else was said. */
const PATIENCE = '15s'

/** The value of `--wait`, in milliseconds. @throws UsageWrong */
export function readPatience(given: Arguments): number {
  const reading = parseDuration(given.value('wait') || PATIENCE)
  if ('ok' in reading) return reading.ok
  throw new UsageWrong(`--wait ${quote(given.value('wait'))} is no duration. Write one such as 5s or 2m`)
}
