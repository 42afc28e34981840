import { z } from 'zod'
import type { Residual, TargetGrant } from '../../ports/connector.ts'
import type { Observation } from './observe.ts'
import { parseAnswer } from './parse-answer.ts'
import { inDatabase, type PostgresTarget } from './postgres-target.ts'
import type { Sessions } from './sessions.ts'

/** What the removal wrote down as left behind, in the target's database and in each other that it had to clear. */
export async function readResiduals(
  target: PostgresTarget,
  { account }: TargetGrant,
  { purgeDatabases }: Observation,
): Promise<Residual[]> {
  const read = async (there: Sessions) => {
    const [row] = await there.read((sql) => sql`select jit.residuals(${account}) as left_behind`)
    return parseAnswer(target.name, residualsSchema, row?.left_behind)
  }
  const residuals = await read(target.sessions)
  for (const database of purgeDatabases) residuals.push(...(await inDatabase(target, database, read)))
  return residuals
}

const residualsSchema = z.array(
  z.object({
    kind: z.enum(['session', 'owned-object', 'process', 'key', 'foreign-grant', 'dependent-object']),
    what: z.string(),
  }),
)
