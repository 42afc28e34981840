import type { ConnectionDetails } from '../../src/ports/connector.ts'
import { describeConnectorContract } from './contract.ts'
import { inOneHour, newGrant, passwordOf, startDemoServer } from './postgres-fixture.ts'
import { startWire } from './wire.ts'

describeConnectorContract('PostgreSQL', async () => {
  const server = await startDemoServer()
  const wire = await startWire(server.cluster.port)
  const url = Object.assign(new URL(server.url), { port: String(wire.port) }).href
  const clientOf = (details: ConnectionDetails) => {
    const user = details.fields.find(({ label }) => label === 'User')?.value ?? ''
    return server.client({ user, password: passwordOf(details) })
  }
  return {
    connector: server.connect({ url }),
    restarted: async () => server.connect({ url }),
    newGrant,
    notListed: 'postgres',
    inOneHour,
    async logIn(details) {
      const sql = clientOf(details)
      try {
        const [{ pid } = { pid: 0 }] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
        return {
          // The driver would quietly connect anew: only the same backend counts.
          isAlive: async () => (await sql`select pg_backend_pid() as pid`.catch(() => []))[0]?.pid === pid,
          end: () => sql.end({ timeout: 1 }),
        }
      } catch {
        return null
      }
    },
    async holdUp(details) {
      const sql = clientOf(details)
      await sql.unsafe(`begin; alter role current_user password 'mine'`)
      return {
        isAlive: async () =>
          sql`select`.then(
            () => true,
            () => false,
          ),
        end: () => sql.end({ timeout: 1 }),
      }
    },
    async leaveBehind(details) {
      const sql = clientOf(details)
      await sql`select lo_create(0) from generate_series(1, 3000)`
      await sql.end()
      return 3_000
    },
    cut: async () => wire.set('refuse'),
    mend: async () => wire.set('pass'),
    async close() {
      await server.close()
      await wire.close()
    },
  }
})
