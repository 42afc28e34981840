import type { Db, Tx } from '../db/transaction.ts'
import { grantOfStream, grantStream } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import { openStreams } from '../record/find-streams.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { loadGrant } from './grant-store.ts'

/** Open grants and requests as the events say, whatever the tables say; and those whose record was changed. */
export async function findOpenOnRecord(
  context: Context,
  db: Db | Tx,
  matches: (state: GrantState) => boolean,
): Promise<{ open: GrantState[]; tampered: string[] }> {
  const streams = await openStreams(db, {
    ...{ prefix: grantStream(''), startedBy: 'request.asked', notEndedBy: ['closed'] },
  })
  const open: GrantState[] = []
  const tampered: string[] = []
  for (const id of streams.flatMap((stream) => grantOfStream(stream) ?? [])) {
    try {
      const state = (await loadGrant(context, db, id))?.state
      if (state !== undefined && matches(state)) open.push(state)
    } catch (error) {
      if (!(error instanceof RecordTampered)) throw error
      tampered.push(id)
    }
  }
  return { open, tampered }
}
