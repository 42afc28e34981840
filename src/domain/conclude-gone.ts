import { looks } from './conclude-ended.ts'
import type { Names } from './conclude-people.ts'
import {
  allOf,
  type Clause,
  lastOf,
  type Part,
  type PartFact,
  type ProvedEvent,
  type ProvedFact,
  utc,
} from './conclusion.ts'
import type { Left, Look } from './grant-event.ts'
import type { OrphanFact } from './orphan-event.ts'

/** Whether somebody looked after the removal and it was not there; and whether it was found again. */
export function concludeGone(events: readonly ProvedEvent[], beside: readonly ProvedFact[], names: Names): Part {
  const found = orphansIn(beside)
  // What was seen before its end says nothing of what was there after it.
  const after = events.slice(events.findLastIndex(({ type }) => type === 'grant.ending') + 1)
  const clause = found.at(-1)?.clause ?? clauseOf(after)
  const removed = lastOf(after, 'grant.removed')
  const stuck = lastOf(events, 'grant.stuck')
  const facts: PartFact[] = [
    ...allOf(events, 'grant.looked').flatMap(({ at, data }) => [
      { label: 'Looked', value: `${utc(at)}: ${VERDICTS[data.verdict] ?? data.verdict}` },
      ...looks(data.checks),
      ...leftBehind(data.left),
    ]),
    ...(stuck === undefined
      ? []
      : [
          {
            label: 'Stuck',
            value: `${utc(stuck.at)}, ${stuck.data.step}: ${stuck.data.message} (${stuck.data.code}); told ${stuck.data.escalatedTo.map(names).join(', ')}`,
          },
        ]),
    ...(removed === undefined
      ? []
      : [
          { label: 'Seen gone', value: utc(removed.at) },
          ...looks(removed.data.checks),
          ...(removed.data.left.length === 0
            ? [{ label: 'Left behind', value: 'nothing' }]
            : leftBehind(removed.data.left)),
        ]),
    ...found.flatMap(({ facts }) => facts),
  ]
  return { title: 'Gone', standing: clause.standing, says: clause.words, facts }
}

function clauseOf(events: readonly ProvedEvent[]): Clause {
  const removed = lastOf(events, 'grant.removed')
  if (removed !== undefined) {
    const { checks, left } = removed.data
    if (!wereGood(checks)) return { words: 'called removed, and no look shows it', standing: 'broken' }
    const count = left.length === 0 ? '' : `, with ${left.length} left behind`
    return { words: `seen gone${count}`, standing: 'shown' }
  }
  if (lastOf(events, 'grant.stuck') !== undefined) return { words: 'stuck: not proved to be gone', standing: 'broken' }
  const looked = lastOf(events, 'grant.looked')
  if (looked?.data.verdict === 'still-present') return { words: 'seen to be still there', standing: 'broken' }
  return { words: 'not proved to be gone', standing: 'open' }
}

/** What was found at the target while the record explained nothing there. */
function orphansIn(beside: readonly ProvedFact[]): { clause: Clause; facts: PartFact[] }[] {
  const orphans = beside.filter(({ type }) => type === 'orphan.found' || type === 'orphan.removed')
  return orphans.map(({ at, ...event }) => {
    const { type, data } = event as unknown as OrphanFact
    if (type === 'orphan.found') {
      const value = `${utc(at)}: ${data.account} on ${data.target} (${data.why})`
      return { clause: { words: 'found there again', standing: 'broken' }, facts: [{ label: 'Found again', value }] }
    }
    const clause: Clause = wereGood(data.checks)
      ? { words: 'found there again, then seen gone', standing: 'broken' }
      : { words: 'found there again, not proved to be gone', standing: 'broken' }
    return {
      clause,
      facts: [{ label: 'Taken away again', value: utc(at) }, ...looks(data.checks), ...leftBehind(data.left)],
    }
  })
}

/** Nothing looked at is nothing seen. */
function wereGood(checks: readonly Look[]): boolean {
  return checks.length > 0 && checks.every(({ ok }) => ok === true)
}

function leftBehind(left: readonly Left[]): PartFact[] {
  return left.map(({ kind, what }) => ({ label: 'Left behind', value: `${kind} ${what}` }))
}

const VERDICTS: Readonly<Record<string, string>> = {
  'still-present': 'it was still there',
  indeterminate: 'it could not be told whether it was gone',
}
