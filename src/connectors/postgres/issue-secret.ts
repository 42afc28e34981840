import type { ConnectionDetails, TargetGrant } from '../../ports/connector.ts'
import { type PostgresTarget, requireOwn } from './postgres-target.ts'
import { newPassword, scramVerifier } from './scram.ts'

/** A new password for the person. Only its verifier goes to the target; the one before stops working. */
export async function issueSecret(target: PostgresTarget, grant: TargetGrant): Promise<ConnectionDetails> {
  requireOwn(target, grant)
  const { id, account } = grant
  const password = newPassword()
  const verifier = await scramVerifier(password)
  await target.sessions.act(
    (sql) => sql`select jit.set_verifier(${account}, ${id}, ${verifier}, ${target.clock.now()}::bigint)`,
  )
  const { host, port, database } = target.endpoint
  const open = (label: string, value: string) => ({ label, value, secret: false })
  return {
    fields: [
      open('Host', host),
      open('Port', String(port)),
      open('Database', database),
      open('User', account),
      { label: 'Password', value: password, secret: true },
    ],
    command: `psql -h ${host} -p ${port} -U ${account} -d ${shellWord(database)}`,
  }
}

function shellWord(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
