import { z } from 'zod'
import type { TargetGrant } from '../../ports/connector.ts'
import { parseAnswer } from './parse-answer.ts'
import type { PostgresTarget } from './postgres-target.ts'

/** Everything there is to see of a grant's account on the target. Changes nothing. */
export async function observe({ name, sessions }: PostgresTarget, { account }: TargetGrant): Promise<Observation> {
  const [row] = await sessions.read((sql) => sql`select jit.observe(${account}) as seen`)
  return parseAnswer(name, observationSchema, row?.seen)
}

/** The role as the catalogue names it: its own name, another after a rename, or `absent`. */
export function namesOf({ roles }: Observation): string {
  return roles.length === 0 ? 'absent' : roles.map(({ name }) => name).join(', ')
}

const session = z.object({ pid: z.number(), database: z.string().nullable() })

const nameless = z.object({ pid: z.number(), vxid: z.string() })

export const membership = z.object({
  role: z.string(),
  grantor: z.string(),
  admin: z.boolean(),
  inherit: z.boolean(),
  set: z.boolean(),
  /** Not a membership: the role's privileges, one by one, which is all that PostgreSQL 15 can give safely. */
  copied: z.boolean().default(false),
})

const role = z.object({
  name: z.string(),
  canLogin: z.boolean(),
  hasPassword: z.boolean(),
  /** The target's own expiry, epoch ms. */
  validUntilMs: z.number().nullable(),
  connectionLimit: z.number(),
  tag: z.string().nullable(),
  powers: z.array(z.string()),
})

const observationSchema = z.object({
  /** Kept after the role is dropped; null when none was ever made. */
  roleOid: z.number().nullable(),
  disabled: z.boolean(),
  /** Before PostgreSQL 16: see jit.copy_privileges. */
  givesCopies: z.boolean().default(false),
  /** By name or by OID: after a rename, or a namesake, more than one thing is there. */
  roles: z.array(role),
  sessions: z.array(session),
  /** Backends that were let in before the account was closed and do not say whose they are. */
  nameless: z.array(nameless),
  /** Sessions on the server whose role is dropped, anybody's. */
  ownerless: z.number(),
  memberships: z.array(membership),
  members: z.array(z.string()),
  dependencies: z.array(z.object({ database: z.string(), count: z.number() })),
  prepared: z.array(z.string()),
  purgeDatabases: z.array(z.string()),
})

export type Observation = z.infer<typeof observationSchema>
export type Nameless = z.infer<typeof nameless>
