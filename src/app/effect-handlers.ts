import type { EffectData, Handler } from '../effects/effect.ts'
import type { MacRing } from '../record/mac-ring.ts'
import { verifyApart } from '../record/verify-apart.ts'
import type { Log } from '../telemetry/log.ts'
import { announceCheckpoint } from '../workflow/announce-checkpoint.ts'
import { carryOutErasure } from '../workflow/carry-out-erasure.ts'
import { carryOutOrder } from '../workflow/carry-out-order.ts'
import { checkRecord } from '../workflow/check-record.ts'
import type { Context } from '../workflow/context.ts'
import { extendGrant } from '../workflow/extend-grant.ts'
import { createFinishActivity } from '../workflow/finish-activity.ts'
import { makeDigests } from '../workflow/make-digests.ts'
import { mindFindings } from '../workflow/mind-findings.ts'
import { provisionGrant } from '../workflow/provision-grant.ts'
import { keepRecord } from '../workflow/prune-record.ts'
import { reconcileThreads } from '../workflow/reconcile-threads.ts'
import { retestByRecord } from '../workflow/retest-findings.ts'
import { settlePeople, settlePerson } from '../workflow/settle-people.ts'
import { announceKind } from '../workflow/to-effect.ts'
import { createProgressFolder } from './progress-folder.ts'
import { createFactsReader } from './take-digest-file.ts'

/** The largest record, with rests; what is interrupted goes on where it was. */
const RECORD_CHECK_MS = 12 * 60 * 60_000
/** After months without a process many weeks are due at once. */
const DIGESTS_MS = 60 * 60_000

export interface EffectSurroundings {
  readonly context: Context
  readonly platforms: readonly string[]
  /** Waits until endings leave room for it. */
  readonly announceInTurn: (data: EffectData, platform: string | null) => Promise<void>
  /** Resolves when no access is being taken away, or after a while. */
  readonly calm: () => Promise<void>
  readonly macKey: Buffer
  readonly macs: MacRing
  readonly dataDir: string
  readonly log: Log
}

/** Every kind of effect, and the verb that carries it out. */
export function createEffectHandlers(around: EffectSurroundings): Record<string, Handler> {
  const { context, platforms, announceInTurn, calm, macKey, macs, dataDir, log } = around
  // Few at once: what is said about an ending must not take the connections that the ending needs.
  const announcing = (platform: string | null, concurrency: number): [string, Handler] => [
    announceKind(platform),
    { retry: 'forever', concurrency, run: (data) => announceInTurn(data, platform) },
  ]
  const finishActivity = createFinishActivity(context)
  const checkProgress = createProgressFolder(dataDir)
  return {
    ...Object.fromEntries([
      announcing(null, 8),
      ...(platforms.length > 1 ? platforms.map((one) => announcing(one, 6)) : []),
    ]),
    provision: { retry: 'forever', run: ({ grant }, { attempt }) => provisionGrant(context, String(grant), attempt) },
    extend: { retry: 'forever', run: ({ grant }) => extendGrant(context, String(grant)) },
    'revoke-all': {
      retry: 'forever',
      run: ({ order }, { attempt }) => carryOutOrder(context, String(order), attempt),
    },
    erase: { retry: 'forever', concurrency: 1, run: ({ erasure }) => carryOutErasure(context, String(erasure)) },
    'keep-record': { retry: 'forever', concurrency: 1, budgetMs: RECORD_CHECK_MS, run: () => keepRecord(context) },
    'settle-person': {
      retry: 'forever',
      run: ({ person }, { attempt }) => settlePerson(context, String(person), attempt),
    },
    'settle-people': { retry: 'forever', run: () => settlePeople(context) },
    'make-digests': {
      ...{ retry: 'forever', budgetMs: DIGESTS_MS, concurrency: 1 },
      run: () => makeDigests(context, createFactsReader(context)),
    },
    'announce-checkpoint': {
      ...{ retry: 'forever', concurrency: 1 },
      run: ({ week, slot }) =>
        announceCheckpoint(context, typeof week === 'string' ? { week } : { slot: Number(slot) }),
    },
    'finish-activity': {
      ...{ retry: 'forever', concurrency: 2 },
      run: async ({ grant }) => {
        await calm()
        await finishActivity(String(grant))
      },
    },
    'check-record': {
      ...{ retry: { times: 3 }, budgetMs: RECORD_CHECK_MS, concurrency: 1 },
      run: async ({ whole }, { signal }) => {
        const checked = await checkRecord(
          context,
          (progress) =>
            verifyApart(context.db, macKey, context.witnessed, {
              ...{ progress, signal, readAt: context.clock.now(), macKeys: macs.spans() },
              keep: (text) =>
                checkProgress.write(text).catch((error: unknown) => {
                  log.warn({ err: error }, 'how far the check of the record came cannot be kept: the next reads all')
                }),
            }),
          whole === true ? null : checkProgress,
        )
        await retestByRecord(context, checked)
      },
    },
    'mind-findings': { retry: { times: 3 }, concurrency: 1, run: () => mindFindings(context) },
    'reconcile-threads': { retry: { times: 3 }, concurrency: 1, run: () => reconcileThreads(context) },
  }
}
