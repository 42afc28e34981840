import { z } from 'zod'
import type { EntitlementDescription, ObservedGrant } from '../../ports/connector.ts'
import { parseTag } from './account-tag.ts'
import { membership } from './observe.ts'
import { parseAnswer } from './parse-answer.ts'
import type { PostgresTarget } from './postgres-target.ts'

/**
 * Our accounts, and everybody else who holds a role that we may give. An account that belongs to the
 * log of another Countersign is not ours: a copy on the same server must not take it for its own orphan.
 */
export async function listGrants({ name, sessions, origin }: PostgresTarget): Promise<ObservedGrant[]> {
  const [row] = await sessions.read((sql) => sql`select jit.list() as found`)
  return parseAnswer(name, listSchema, row?.found).map(
    ({ account, tag: text, canLogin, validUntilMs, liveSessions, memberships }) => {
      const tag = parseTag(text)
      const foreign = tag !== null && tag.origin !== null && tag.origin !== origin
      return {
        account,
        grants: [...new Set(memberships.map(({ role }) => role))],
        grantId: foreign ? null : (tag?.grantId ?? null),
        nativeExpiry: validUntilMs,
        liveSessions,
        notes: [
          ...(foreign ? [`grant ${tag.grantId} of another Countersign, ${tag.origin}`] : []),
          ...(canLogin ? [] : ['cannot log in']),
          ...memberships.map(describeMembership),
        ],
      }
    },
  )
}

/** The DBA's list, less what the policy does not give. */
export async function describeEntitlements({
  name,
  sessions,
  allow,
}: PostgresTarget): Promise<EntitlementDescription[]> {
  const [row] = await sessions.read((sql) => sql`select jit.allowed() as roles`)
  return parseAnswer(name, allowedSchema, row?.roles)
    .filter(({ role, exists }) => exists && (allow === null || allow.includes(role)))
    .map(({ role, description }) => ({ grants: role, description }))
}

function describeMembership({ role, grantor, inherit, set, admin, copied }: z.infer<typeof membership>): string {
  if (copied) return `${role}: its privileges, copied`
  return `${role}: given by ${grantor}, inherit ${inherit}, set ${set}, admin ${admin}`
}

const listSchema = z.array(
  z.object({
    account: z.string(),
    tag: z.string().nullable(),
    canLogin: z.boolean(),
    validUntilMs: z.number().nullable(),
    liveSessions: z.number(),
    memberships: z.array(membership),
  }),
)

const allowedSchema = z.array(z.object({ role: z.string(), exists: z.boolean(), description: z.string() }))
