import { readConfig } from '../src/config.ts'
import type { GrantEvent } from '../src/domain/grant-event.ts'
import { migrateEffects } from '../src/effects/migrate-effects.ts'
import { openRecord } from '../src/open-record.ts'
import { appendToGrant } from '../src/workflow/grant-store.ts'
import { BenchFailed } from './bench.ts'

const MOST_IN_ONE = 50
const HOUR = 3_600_000

/**
 * Puts grants on the record as if they had been asked for, signed and made an hour ago: true events with the house's own
 * keys, so that the process that ends them finds nothing amiss. No effects: what is measured is the ending alone.
 * @param environment what configures a process of the house
 * @param calmMs from the last grant to the first that falls due: until then everybody has become idle
 * @param grantsAt which, when the first of them may fall due
 * @throws BenchFailed when some fell due before all were there
 */
export async function seedGrants(
  environment: Readonly<Record<string, string>>,
  { count, calmMs }: { readonly count: number; readonly calmMs: number },
  grantsAt: (instant: number) => readonly Seed[],
): Promise<readonly Seed[]> {
  const reading = readConfig({ ...environment })
  if ('faults' in reading) throw new Error(reading.faults.join('\n'))
  const open = await openRecord(reading.config, { also: [migrateEffects], onNotice: () => undefined })
  const around = { record: open.record, enqueue: async () => undefined }
  try {
    const write = (some: readonly Seed[]) =>
      open.database.pools.app.begin(async (tx) => {
        for (const seed of some) await appendToGrant(around, tx, seed.id, null, storyOf(seed), open.clock.now())
      })
    const rehearse = async () => {
      const since = open.clock.now()
      const some = grantsAt(since + HOUR).slice(0, MOST_IN_ONE)
      // The same grant twice is a conflict: all is rolled back.
      await write([...some, ...some.slice(0, 1)]).catch(() => undefined)
      return open.clock.now() - since
    }
    // The first is slow by itself; the second tells how long seeding takes here and now.
    await rehearse()
    const chunks = Math.ceil(count / MOST_IN_ONE)
    const instant = open.clock.now() + calmMs + 2 * (await rehearse()) * chunks
    const grants = grantsAt(instant)
    const rest = [...grants]
    for (let next = rest.splice(0, MOST_IN_ONE); next.length > 0; next = rest.splice(0, MOST_IN_ONE)) await write(next)
    if (open.clock.now() > instant - 1_000) throw new BenchFailed('seeding took so long that grants fell due')
    return grants
  } finally {
    await open.close()
  }
}

function storyOf({ target, person, account, grants, endsAt }: Seed): GrantEvent[] {
  const at = endsAt - HOUR
  const policy = 'a'.repeat(64)
  return [
    {
      type: 'request.asked',
      data: {
        ...{ by: person, for: person, target, entitlement: 'e0', grants, durationMs: HOUR, channel: 'access' },
        ...{ reason: 'look into the failed payout', pendingUntil: endsAt, policy, rules: ['1 of manager'] },
        approvers: [{ id: 'm0', as: ['manager'] }],
      },
    },
    { type: 'request.signed', data: { by: 'm0', as: ['manager'], policy, assurance: 'click-only' } },
    { type: 'request.approved', data: { by: ['m0'], policy, usableUntil: endsAt } },
    {
      type: 'grant.providing',
      data: { account, endsBy: endsAt, nativeExpiry: endsAt + HOUR, checkpointSize: 1, policy },
    },
    {
      type: 'grant.active',
      data: { account, activatedAt: at, endsAt, warnAt: endsAt - 60_000, nativeExpiry: endsAt + HOUR, checks: [] },
    },
    { type: 'grant.end-near', data: { endsAt } },
  ]
}

/** @returns ids that nobody draws by chance: one after the other */
export function grantIds(count: number, from: number): string[] {
  return Array.from({ length: count }, (_, n) => {
    let [rest, letters] = [from + n, '']
    for (let place = 0; place < 6; place++) {
      letters = `${ALPHABET[rest % ALPHABET.length]}${letters}`
      rest = Math.floor(rest / ALPHABET.length)
    }
    return `G-${letters}`
  })
}

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export interface Seed {
  readonly id: string
  readonly target: string
  readonly person: string
  readonly account: string
  /** The target's own name for what is held. */
  readonly grants: string
  /** Epoch ms. */
  readonly endsAt: number
}
