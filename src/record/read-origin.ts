import type { Db, Tx } from '../db/transaction.ts'
import { findLog, proveIncluded } from './read-witnessed.ts'
import { RecordTampered } from './recorded-event.ts'
import { leafHash, ORIGIN_STARTED, parseBody } from './verify.ts'
import { confirmedByAll, type Witnessed } from './witnessed.ts'

/**
 * When the tree that grows now was started after a restore, epoch ms; null for the first tree ever. Its first leaf
 * says so, under the checkpoint that the witnesses confirmed: the tables are not asked.
 * @throws RecordTampered, WitnessUnreachable, WitnessNoteWrong
 */
export async function readRestart(db: Db | Tx, witnessed: Witnessed): Promise<number | null> {
  const checkpoint = confirmedByAll(await witnessed.newest())
  if (checkpoint === null) return null
  const log = await findLog(db, witnessed.origin)
  const [row] = await db<{ body: string }[]>`
    select e.body from leaf l join event e on e.leaf_hash = l.leaf_hash where l.log = ${log} and l.leaf_index = 0`
  if (!row) throw new RecordTampered('', null, 'the first event of the tree is missing')
  const { stream, seq, type, at } = parseBody(row.body)
  await proveIncluded(db, log, [{ stream, seq, hash: leafHash(row.body).toString('hex'), leafIndex: 0 }], checkpoint)
  return type === ORIGIN_STARTED ? at : null
}
