import { readFile } from 'node:fs/promises'
import { announceGrant } from '../../src/cards/announcements.ts'
import { bundleLines } from '../../src/cards/bundle-lines.ts'
import type { GrantEvent, Placed } from '../../src/domain/grant-event.ts'
import { openKeys } from '../../src/open-keys.ts'
import { parsePolicy } from '../../src/policy/parse-policy.ts'
import { createRecord, type EventRecord } from '../../src/record/record.ts'
import { verifyLog } from '../../src/record/verify-log.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { createSealing } from '../../src/secrets/sealing.ts'
import { createFileWitness } from '../../src/witness/file-witness.ts'
import { cardContext } from '../../src/workflow/card-context.ts'
import type { Context } from '../../src/workflow/context.ts'
import { loadGrant } from '../../src/workflow/grant-store.ts'
import { activityEnded } from '../../src/workflow/wanted-announcements.ts'
import { type House, until } from '../support/house.ts'

/** As `openHouse` sets it. */
export const LOG_ORIGIN = 'test.example/log'
const QUIET_LOOK_MS = 100

/** The record and the chat of a house, read from outside with its own keys. */
export async function openRecordOf(house: House): Promise<RecordOf> {
  const { db, file } = house
  const files = { signingFile: file('signing.pem'), macFile: file('mac.hex'), secretsFile: file('secrets.hex') }
  const keys = await openKeys(
    { ...files, signer: null, nextSigningFile: null, nextSigner: null, otherMacFiles: [], createMissing: false },
    LOG_ORIGIN,
  )
  const sealing = createSealing(keys.secrets)
  const record = createRecord({
    macKey: keys.mac,
    seal: (text) => sealing.seal(text, 'private_text'),
    open: (sealed) => sealing.open(sealed, 'private_text'),
  })
  const witness = createFileWitness({ path: file('witness'), administeredBy: 'the test' })
  const reading = parsePolicy(await readFile(file('policy.yaml'), 'utf8'), 'policy.yaml')
  if (!('policy' in reading)) throw new Error('the policy of the house is not valid')
  const context = { record, policy: { current: () => reading.policy } } as unknown as Context

  async function eventsOf(id: string): Promise<readonly Placed<GrantEvent>[]> {
    return (await loadGrant(context, db, id))?.events ?? []
  }

  async function saidOf(id: string): Promise<Map<string, unknown>> {
    const rows = await db<{ key: string; content: string }[]>`
      select key, content from local_chat_messages where starts_with(key, ${`grant:${id}:`})`
    return new Map(rows.map(({ key, content }) => [key, JSON.parse(content)]))
  }

  async function toBeSaidOf(id: string): Promise<Map<string, unknown>> {
    const activity = await activityEnded({ record, db }, id)
    const wanted = announceGrant(id, await eventsOf(id), cardContext(context), [], activity)
    const rows = await db<{ key: string; message: string }[]>`
      select key, message from notice where stream = ${`grant:${id}`}`
    // Lines that waited while somebody was dead are one message.
    const messageOf = new Map(rows.map(({ key, message }) => [key, message]))
    const bundles = bundleLines(wanted, (key) => messageOf.get(key) ?? null)
    return new Map(bundles.map(({ key, message }) => [key, JSON.parse(JSON.stringify(message))]))
  }

  return {
    ...{ record, eventsOf, saidOf, toBeSaidOf },
    async askedSince(at) {
      const rows = await db<{ stream: string }[]>`
        select stream from event where type = 'request.asked' and at >= ${at} order by at`
      return rows.map(({ stream }) => stream.replace('grant:', ''))
    },
    async quiet() {
      await until(
        'everything is done, sealed and told',
        async () => {
          const [left] = await db<{ open: number; pending: number; jobs: number }[]>`
            select (select count(*) from grant_state where open_for is not null)::int as open,
              (select count(*) from event_pending)::int as pending,
              (select count(*) from pgboss.job_common
               where (name like 'announce%' or name in ('provision', 'extend', 'revoke-all', 'finish-activity')) and state in ('created', 'retry', 'active'))::int as jobs`
          return left !== undefined && left.open + left.pending + left.jobs === 0
        },
        QUIET_LOOK_MS,
      )
    },
    async verify() {
      return verifyLog(db, keys.mac, createWitnessed(keys.signer.vkey, [witness]))
    },
  }
}

export interface RecordOf {
  /** As a process of the house has it. */
  readonly record: EventRecord
  /** With hash, MAC and chain checked. */
  eventsOf(id: string): Promise<readonly Placed<GrantEvent>[]>
  /** Ids of the grants that were asked for since then. */
  askedSince(at: number): Promise<string[]>
  /** What chat shows of a grant, by key, and what it should show by the record. */
  saidOf(id: string): Promise<Map<string, unknown>>
  toBeSaidOf(id: string): Promise<Map<string, unknown>>
  /** Waits until no grant is open, nothing waits for the sealer and no effect is left. */
  quiet(): Promise<void>
  verify(): ReturnType<typeof verifyLog>
}
