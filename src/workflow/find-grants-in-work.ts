import type { Db, Tx } from '../db/transaction.ts'
import { findingStream } from '../domain/finding-event.ts'
import { orderStream } from '../domain/order-event.ts'
import { openStreams } from '../record/find-streams.ts'
import type { EventRecord } from '../record/record.ts'

/**
 * Those of these grants that an open finding or an order under way names: while somebody looks into one, it is not over,
 * though it is closed. @throws RecordTampered where a finding or an order was changed: then nobody can tell
 */
export async function findGrantsInWork(
  { record }: { readonly record: EventRecord },
  db: Db | Tx,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const findings = { prefix: findingStream(''), startedBy: 'finding.opened', notEndedBy: ['closed'] }
  const orders = { prefix: orderStream(''), startedBy: 'order.proposed', notEndedBy: ['closed'] }
  const streams = [...(await openStreams(db, findings)), ...(await openStreams(db, orders))]
  const events = [...(await record.readStreams(db, streams)).values()].flat()
  const said = events.map(({ data }) => JSON.stringify(data))
  return new Set(ids.filter((id) => said.some((text) => text.includes(id))))
}
