import { readEverybody } from '../workflow/people-store.ts'
import type { Arguments } from './read-arguments.ts'
import { DONE, type ExitCode, instant, say, sayJson } from './terminal.ts'
import { configuration, withRecord } from './with-record.ts'

/** Lists who left, by id, with the moments of the leaving: what compliance takes its samples from. Names nobody. */
export async function leavers(given: Arguments): Promise<ExitCode> {
  return withRecord<ExitCode>(configuration(), async ({ record, database }) => {
    const people = await readEverybody(record, database.pools.app)
    const rows = [...people.persons.values()]
      .flatMap(({ id, left }) => (left === null ? [] : [{ id, left }]))
      .sort((a, b) => a.left.receivedAt - b.left.receivedAt)
    if (given.isOn('json')) {
      sayJson(rows.map(({ id, left }) => ({ id, ...left })))
      return DONE
    }
    if (rows.length === 0) say('Nobody has left.')
    for (const { id, left } of rows) {
      const moment = (at: number | null) => (at === null ? '-' : instant(at))
      const lag = left.lagMs === null ? '-' : `${(left.lagMs / 1_000).toFixed(1)} s`
      say(
        `${id}  by ${left.source}${left.removed ? ', removed' : ''}  effective ${moment(left.effectiveAt)}  received ${moment(left.receivedAt)}  ended ${moment(left.endedAt)}  seen gone ${moment(left.seenGoneAt)}  lag ${lag}  grants ${left.grants.join(', ') || 'none'}`,
      )
    }
    return DONE
  })
}
