import { setTimeout as sleep } from 'node:timers/promises'
import { accountName } from '../../src/connectors/postgres/account-name.ts'
import { grantOfStream } from '../../src/domain/grant-event.ts'
import type { House } from '../support/house.ts'

const EVERY_MS = 50

/**
 * Looks at the target and at the record all the time. An access whose end is not on the record, one that
 * is still there when the record says that it is gone, and one that was made twice are named.
 */
export function watchTarget(house: House): Watch {
  const faults = new Set<string>()
  const seen = new Map<string, Set<number>>()
  const ignored = new Set<string>()
  let stopped = false

  async function look(): Promise<void> {
    // Most of the time there is nothing to judge, and the record is not asked.
    if ((await accounts()).length === 0) return
    // What the record says is gone was gone before; what the target shows was on the record before.
    const gone = await accountsWith('grant.removed')
    const roles = await accounts()
    const ends = await accountsWith('grant.providing')
    for (const { name, oid, until } of roles) {
      if (ignored.has(name)) continue
      seen.set(name, (seen.get(name) ?? new Set()).add(oid))
      if (gone.has(name)) faults.add(`${name} is there, and the record says that it was removed`)
      if (!ends.has(name)) faults.add(`${name} is there, and no end of it is on the record`)
      if (until === null) faults.add(`${name} has no expiry of its own`)
    }
  }

  const accounts = () => house.targetDb<{ name: string; oid: number; until: Date | null }[]>`
    select rolname as name, oid, rolvaliduntil as until from pg_roles where rolname like 'jit\\_g\\_%'`

  async function accountsWith(type: string): Promise<Set<string>> {
    const rows = await house.db<{ stream: string; body: string }[]>`
      select stream, body from event where type = ${type}`
    return new Set(
      rows.flatMap(({ stream, body }) => {
        const { data } = JSON.parse(body) as { data: { endsBy?: unknown } }
        const id = grantOfStream(stream)
        return id === null || (type === 'grant.providing' && typeof data.endsBy !== 'number') ? [] : [accountName(id)]
      }),
    )
  }

  const watching = (async () => {
    while (!stopped) {
      await look()
      await sleep(EVERY_MS)
    }
  })()
  watching.catch((error: unknown) => faults.add(`the watch ended: ${String(error)}`))

  return {
    faults: () => [...faults],
    timesMade: (account) => seen.get(account)?.size ?? 0,
    ignore: (account) => ignored.add(account),
    async stop() {
      stopped = true
      await watching.catch(() => undefined)
    },
  }
}

export interface Watch {
  faults(): string[]
  /** How many accounts of that name were seen. */
  timesMade(account: string): number
  /** This one is there by the test's own hand. */
  ignore(account: string): void
  stop(): Promise<void>
}
