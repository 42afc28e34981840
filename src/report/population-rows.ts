import type { Db } from '../db/transaction.ts'
import { grantOfStream } from '../domain/grant-event.ts'
import { type PopulationRow, populationRow } from '../domain/population-row.ts'
import { streamsOfStory } from '../domain/streams-about.ts'
import type { PopulationPlan } from '../record/plan-population.ts'
import type { EventRecord } from '../record/record.ts'
import type { PolicyText, Verdict } from '../record/verify.ts'
import { factsOf, readPolicies } from './conclude.ts'

/** Grants whose events are in memory at once. */
const AT_ONCE = 100

/**
 * What each grant of a population came to, by the events under the checkpoint, in the order in which they were asked for.
 * @throws RecordTampered
 */
export async function readRows(
  record: EventRecord,
  db: Db,
  { members, checkpoint }: PopulationPlan,
  policies: readonly PolicyText[],
): Promise<PopulationRow[]> {
  const { size } = checkpoint.checkpoint
  const known = readPolicies(policies)
  const rows: PopulationRow[] = []
  for (let at = 0; at < members.length; at += AT_ONCE) {
    const some = members
      .slice(at, at + AT_ONCE)
      .map(({ stream }) => ({ stream, grant: grantOfStream(stream) ?? stream }))
    const read = await record.readStreams(
      db,
      some.flatMap(({ stream, grant }) => streamsOfStory(stream, grant)),
    )
    for (const { stream, grant } of some) {
      const events = streamsOfStory(stream, grant).flatMap((name) => read.get(name) ?? [])
      const facts = events.flatMap((event) =>
        event.leafIndex !== null && event.leafIndex < size ? [{ ...event, leafIndex: event.leafIndex }] : [],
      )
      rows.push(
        populationRow(
          grant,
          facts.sort((a, b) => a.leafIndex - b.leafIndex),
          known,
        ),
      )
    }
  }
  return rows
}

/** The same, of a file that was verified. */
export function rowsOf(verdict: Verdict): PopulationRow[] {
  const known = readPolicies(verdict.policies)
  const byStream = Map.groupBy(factsOf(verdict), ({ stream }) => stream)
  return (verdict.population?.grants ?? []).map((grant) => {
    const facts = streamsOfStory(`grant:${grant}`, grant).flatMap((stream) => byStream.get(stream) ?? [])
    return populationRow(
      grant,
      facts.sort((a, b) => a.leafIndex - b.leafIndex),
      known,
    )
  })
}
