import type { Leaving } from '../domain/identity-state.ts'
import type { MachineState } from '../domain/machine-state.ts'
import type { People } from '../domain/people.ts'
import { readEverybody } from '../workflow/people-store.ts'
import type { Arguments } from './read-arguments.ts'
import { DONE, type ExitCode, instant, say, sayJson } from './terminal.ts'
import { configuration, withRecord } from './with-record.ts'

/** Lists who left, by id, with the moments of the leaving: what compliance takes its samples from. Names nobody. */
export async function leavers(given: Arguments): Promise<ExitCode> {
  return withRecord<ExitCode>(configuration(), async ({ record, database }) => {
    const people = await readEverybody(record, database.pools.app)
    const rows = [...people.persons.values()]
      .flatMap(({ id, left }) => (left === null ? [] : [{ id, left, machines: machinesOf(people, id, left) }]))
      .sort((a, b) => a.left.receivedAt - b.left.receivedAt)
    if (given.isOn('json')) {
      sayJson(rows.map(({ id, left, machines }) => ({ id, ...left, machines })))
      return DONE
    }
    if (rows.length === 0) say('Nobody has left.')
    for (const { id, left, machines } of rows) {
      const moment = (at: number | null) => (at === null ? '-' : instant(at))
      const lag = left.lagMs === null ? '-' : `${(left.lagMs / 1_000).toFixed(1)} s`
      const owned = machines.length === 0 ? '' : `  machines ${machines.map(wordsOf).join(', ')}`
      say(
        `${id}  by ${left.source}${left.removed ? ', removed' : ''}  effective ${moment(left.effectiveAt)}  received ${moment(left.receivedAt)}  ended ${moment(left.endedAt)}  seen gone ${moment(left.seenGoneAt)}  lag ${lag}  grants ${left.grants.join(', ') || 'none'}${owned}`,
      )
    }
    return DONE
  })
}

type MachineNow = Omit<MachineState, 'seq'>

/** Those that the leaving orphaned, and those that were given to the person since; each as it stands now. */
function machinesOf({ machines }: People, person: string, left: Leaving): MachineNow[] {
  const since = [...machines.values()].filter(({ status, owner }) => status === 'orphaned' && owner === person)
  const ids = new Set([...left.machines, ...since.map(({ id }) => id)])
  return [...ids].flatMap((one) => {
    const state = machines.get(one)
    return state === undefined ? [] : [{ id: one, status: state.status, owner: state.owner }]
  })
}

function wordsOf({ id, status, owner }: MachineNow): string {
  if (status === 'owned') return `${id} (owned by ${owner})`
  return `${id} (${status === 'orphaned' ? 'orphaned' : 'out of the policy'})`
}
