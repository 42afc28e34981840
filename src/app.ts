import { createHmac } from 'node:crypto'
import { hostname } from 'node:os'
import { createAnswersFirst } from './app/answers-first.ts'
import { jobsOf } from './app/calendar.ts'
import { checkReadiness } from './app/check-readiness.ts'
import { createCollecting } from './app/collecting.ts'
import { openDoors } from './app/doors.ts'
import { createEffectHandlers } from './app/effect-handlers.ts'
import { createEndings } from './app/endings.ts'
import { type ChatFront, openChats, platformsOf, requireChat } from './app/open-chat.ts'
import { createPatience } from './app/patience.ts'
import { readPolicyFile } from './app/read-policy-file.ts'
import { createRecentKinds } from './app/recent-kinds.ts'
import { requireAnnounceable } from './app/require-announceable.ts'
import { createTargetConnectors } from './app/target-connectors.ts'
import { createThrottle } from './app/throttle.ts'
import { createDesk } from './chat/desk.ts'
import { type Config, resolveSecret, settingsForRecord } from './config.ts'
import { createDemoTarget } from './connectors/demo-target.ts'
import { createPostgresConnector } from './connectors/postgres/connector.ts'
import { readDurability } from './db/durability.ts'
import type { OpenDatabase } from './db/open-database.ts'
import { schemaState } from './db/schema-state.ts'
import { createPolicyDirectory } from './directory/policy-directory.ts'
import type { Target } from './domain/policy.ts'
import { shortLock } from './domain/short-lock.ts'
import type { EffectData } from './effects/effect.ts'
import { enqueue } from './effects/enqueue.ts'
import { createLanes } from './effects/lanes.ts'
import { migrateEffects } from './effects/migrate-effects.ts'
import { createEffects } from './effects/run-effects.ts'
import { openRecord } from './open-record.ts'
import type { Connector } from './ports/connector.ts'
import { createSealer } from './record/sealer.ts'
import { recordStatus } from './record/watch.ts'
import { createSchedule } from './schedule/schedule.ts'
import { readBuild } from './telemetry/build.ts'
import type { Log } from './telemetry/log.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { serve } from './web/serve.ts'
import { createPasskeys } from './web/webauthn.ts'
import { announce } from './workflow/announce.ts'
import { createAskTogether } from './workflow/ask-together.ts'
import type { Context, CrashPoint } from './workflow/context.ts'
import { createClockGuard, whileClockHolds } from './workflow/guard-clock.ts'
import { createThreadEar } from './workflow/hear-threads.ts'
import { createWitnessLook } from './workflow/look-at-witnesses.ts'
import { alarmOfSealer, namingTampering } from './workflow/name-tampering.ts'
import { noteWitnesses } from './workflow/note-witnesses.ts'
import { openFinding } from './workflow/open-finding.ts'
import { createPeople } from './workflow/people-store.ts'
import { createPolicyInForce } from './workflow/policy-in-force.ts'
import { createPopulatedPolicy } from './workflow/populated-policy.ts'
import { createAlarms, type Finds } from './workflow/raise-alarm.ts'
import { recordStart } from './workflow/record-start.ts'
import { forEachPlatform, POLICY_CHANGED, toEffect } from './workflow/to-effect.ts'
import { watchPolicy } from './workflow/watch-policy.ts'

/** What is under way may take so long all together; a target that hangs must not keep us from ending. */
const DRAIN_MS = 8_000
/** So long a notice waits at most while many accesses are being taken away. */
const ENDINGS_FIRST_MS = 5_000

const CLOCK_FELL_BACK = {
  what: 'clock-fell-back',
  detail: 'The clock of the database shows an earlier time than what is on record: no decisions until it has caught up',
  grant: null,
}

/** A running process. */
export interface App {
  readonly url: string
  /** Runs the net under the timer at once; it runs every minute by itself. */
  sweep(): Promise<void>
  /** Finishes what is under way, then ends every connection. Twice is harmless. */
  stop(): Promise<void>
}

export interface AppHooks {
  /** For tests: called at every boundary between two committed steps. */
  readonly reached?: (point: CrashPoint) => Promise<void>
  /** For tests: the platforms take so many times as much, as in a time lapse. */
  readonly limitsTimes?: number
  /** For tests: another connector for a target; null leaves it the real one. */
  readonly connectorFor?: (target: Target) => Connector | null
}

/**
 * Brings up one process: database, record, policy, effects, timer, doors, in this order, so that
 * nothing is taken in before it can be recorded. Fails whole: what was started is stopped again.
 */
export async function startApp(config: Config, log: Log, hooks: AppHooks = {}): Promise<App> {
  const started: (() => Promise<void>)[] = []
  const stopAll = async () => {
    const patience = createPatience(DRAIN_MS)
    for (const stop of started.splice(0).reverse()) {
      const done = stop().catch((error: unknown) => log.error({ err: error }, 'something did not stop cleanly'))
      if (!(await patience.allows(done))) log.warn('something was still under way: it is taken up as after a crash')
    }
    patience.end()
  }
  try {
    const running = await start(config, log, hooks, (stop) => started.push(stop))
    return { ...running, stop: stopAll }
  } catch (error) {
    await stopAll()
    throw error
  }
}

async function start(
  config: Config,
  log: Log,
  hooks: AppHooks,
  onStop: (stop: () => Promise<void>) => void,
): Promise<Omit<App, 'stop'>> {
  requireChat(config)
  const platforms = platformsOf(config)
  const readPolicy = async () => requireAnnounceable(await readPolicyFile(config.policyFile), platforms)
  const build = await readBuild()
  const metrics = createMetrics(build)
  const open = await openRecord(config, {
    also: [migrateEffects],
    onNotice: (notice) => log.info(notice),
    onWitnessNotice: ({ what, detail }) => alarms.raise({ what, detail, grant: null }),
  })
  onStop(() => open.close())
  const { database, clock, keys, witnesses, witnessed } = open
  const { app: db, sealer: sealerDb, roles } = database.pools
  await open.macs.refuseForeign(db)
  const record = namingTampering(open.record, (alarm) => alarms.raise(alarm))
  const digestKey = createHmac('sha256', keys.secrets).update('digests of messages').digest()
  const digest = (text: string) => createHmac('sha256', digestKey).update(text).digest('hex')
  const sealing = { ...open.sealing, digest }
  const demoEnvironment = await openDemoTarget(config, database, keys.secrets)
  let publicUrl = config.publicUrl
  const reached = hooks.reached ?? (async () => undefined)

  const kinds = createRecentKinds(clock)
  const wakeOthers = createThrottle(() => {
    effects.kick(kinds.recent())
    endings.poke()
  })
  const committed = () => {
    sealer.kick()
    wakeOthers()
  }
  const wired = Promise.withResolvers<Finds>()
  const alarms = createAlarms({
    ...{ db, record, clock, committed, find: wired.promise },
    log: ({ what, detail, grant }, cause) => {
      metrics.alarm(what)
      log.error({ what, grant, ...(cause !== undefined && { err: cause }) }, detail)
    },
  })
  const sealer = createSealer({
    ...{ db: sealerDb, macKey: keys.mac, macs: open.macs, signer: keys.signer, witnessed, clock, reached },
    ...(keys.nextSigner && { nextSigner: keys.nextSigner }),
    onAlarm: (alarm) => alarms.raise(alarmOfSealer(alarm)),
  })
  const lanes = createLanes({ url: database.url })
  onStop(() => lanes.stop())

  const people = createPeople({ record, db })
  const fellBack = createClockGuard({
    ...{ clock, aheadMs: () => clock.skew().aheadMs },
    writtenUntil: (await recordStatus(db)).checkpoint?.at ?? 0,
    onFellBack: () => alarms.raise(CLOCK_FELL_BACK),
  })
  const policyOfRecord = createPolicyInForce(await readPolicy(), {
    ...{ db, record, witnessed, clock, committed },
    changed: (tx) => enqueue(tx, POLICY_CHANGED.map(toEffect), clock.now()),
    onUnproved: ({ message }) => alarms.raise({ what: 'policy-unproved', detail: message, grant: null }),
  })
  const policy = createPopulatedPolicy(whileClockHolds(policyOfRecord, fellBack), people)
  const connectors = createTargetConnectors({
    everActive: policy.everActive,
    resolve: (reference) => resolveSecret(reference, demoEnvironment),
    make: (target, url) =>
      hooks.connectorFor?.(target) ??
      createPostgresConnector({
        ...{ target: target.name, url, clock, origin: config.logOrigin },
        allow: Object.values(target.entitlements).map((entitlement) => entitlement.grants),
        afterStep: () => reached('target:after-step'),
      }),
  })
  onStop(() => connectors.close())
  const directory = createPolicyDirectory(policy.current)
  const lookAtWitnesses = createWitnessLook(witnesses, {
    ...{ origin: witnessed.origin, clock },
    onNews: async (seen) => {
      try {
        await noteWitnesses({ db, record, clock }, seen)
        committed()
      } catch (error) {
        log.error({ err: error }, 'who keeps the checkpoints could not be put on record')
        throw error
      }
    },
  })

  const passkeys = createPasskeys(() => publicUrl)
  const context: Context = {
    ...{
      db,
      record,
      witnessed,
      clock,
      directory,
      passkeys,
      policy,
      people,
      lanes,
      sealing,
      committed,
      lookAtWitnesses,
    },
    ...{ connectorOf: connectors.known, connectorToGive: connectors.toGive, knownTargets: connectors.names },
    get chats() {
      return fronts.map(({ chat }) => chat)
    },
    profileOf: async (account) => {
      const front = fronts.find(({ chat }) => chat.platform === account.platform)
      return (await front?.profileOf?.(account)) ?? null
    },
    sealed: (stream, seq, forMs) => sealer.sealed(stream, seq, AbortSignal.timeout(forMs)).catch(() => undefined),
    enqueue(tx, effects) {
      const some = [effects].flat().flatMap((effect) => forEachPlatform(effect, platforms))
      // What waits for its time is found by whoever looks then.
      for (const effect of some) if (!('notBefore' in effect)) kinds.kept(toEffect(effect).kind)
      return enqueue(tx, some.map(toEffect), clock.now())
    },
    get publicUrl() {
      return publicUrl
    },
    alarm: (alarm) => alarms.raise(alarm),
    observe: metrics,
    reached,
    askTogether: (asking) => askTogether(asking),
  }
  // Past whoever names tampering: what an alarm is about must not raise the next one.
  const finding = { record: open.record, policy, enqueue: context.enqueue }
  wired.resolve((tx, alarm, now) => openFinding(finding, tx, alarm, now))
  const askTogether = createAskTogether(context)
  const answersFirst = createAnswersFirst()
  const ownDesk = createDesk(context, (error, act) => {
    const reference = act.key.slice(-8)
    log.error({ err: error, reference }, 'an act failed')
    return reference
  })
  const desk = answersFirst.around(ownDesk)
  const onFault = (what: string, error: unknown) => log.error({ ...(error !== null && { err: error }) }, what)
  const ear = createThreadEar({ context, onFault })
  onStop(() => ear.settle())
  const fronts: readonly ChatFront[] = await openChats(config, {
    ...{ context, desk, onThread: ear.hear },
    onFault,
    limitsTimes: hooks.limitsTimes ?? 1,
  })

  const policyLoaded = Promise.withResolvers<void>()
  const announceInTurn = async ({ stream }: EffectData, platform: string | null) => {
    // Before that nobody has a name, and the words would stay as they are.
    await policyLoaded.promise
    await answersFirst.turn()
    await endings.calm(ENDINGS_FIRST_MS)
    await announce(context, String(stream), platform)
  }
  const effects = createEffects({
    ...{ url: database.url, db, log, drainMs: DRAIN_MS / 2 },
    handlers: createEffectHandlers({
      ...{ context, platforms, announceInTurn, log, macKey: keys.mac, macs: open.macs },
      calm: () => endings.calm(ENDINGS_FIRST_MS),
      dataDir: config.dataDir,
    }),
    onStuck: async (_tx, stuck) => {
      alarms.raise({
        what: `effect-stuck`,
        detail: `${stuck.kind} ${stuck.key} after ${stuck.attempts} attempts`,
        grant: null,
      })
    },
  })
  const endings = createEndings(context, log)
  const schedule = createSchedule({
    ...{ db, clock, log, timeZone: () => policy.current().timeZone },
    jobs: jobsOf(context, config.verifySchedule),
  })

  await people.load()
  await effects.start()
  onStop(() => effects.stop())
  await policy.load()
  policyLoaded.resolve()
  for (const { name, lockMs } of witnesses) {
    const short = shortLock(lockMs, policy.current().retentionYears)
    if (short !== null) log.warn(`the witness ${name} ${short}`)
  }
  await recordStart(
    { db, record, clock },
    {
      ...{ version: build.version, commit: build.commit, lockFile: build.lockFile },
      ...{ schema: String((await schemaState(db)).at), policy: policy.ownHash(), host: hostname() },
      ...{ node: process.version, settings: settingsForRecord(config), roles },
      durability: (await readDurability(db)).words,
    },
  )
  sealer.start()
  onStop(async () => {
    await alarms.idle()
    await sealer.stop()
  })
  sealer.kick()
  void lookAtWitnesses()
  endings.start()
  onStop(() => endings.stop())
  const collecting = createCollecting(context, log, () => endings.calm(ENDINGS_FIRST_MS))
  collecting.start()
  onStop(() => collecting.stop())
  const watch = watchPolicy({
    ...{ clock, policy, read: readPolicy },
    onFault: (error) => log.error({ err: error }, 'the policy file was changed and cannot be read: the old one stays'),
  })
  watch.start()
  onStop(() => watch.stop())
  await schedule.start()
  onStop(() => schedule.stop())
  for (const front of fronts) {
    await front.start()
    onStop(() => front.stop())
  }
  const checks = checkReadiness({ context, roles, sealer, witnesses, fronts, fellBack })
  const serving = await serve({
    ...{ host: config.host, port: config.port },
    routers: await openDoors({ config, context, build, fronts, checks, metrics, witnesses, log }),
    onFault: (error) => log.error({ err: error }, 'a request failed'),
  })
  onStop(() => serving.stop())
  publicUrl = config.port === 0 ? `http://localhost:${serving.port}` : config.publicUrl
  return { url: publicUrl, sweep: endings.sweep }
}

/**
 * In the demo the target is a database beside ours; its bot's password follows from the secrets key.
 * @returns what the demo's policy refers to
 */
async function openDemoTarget(config: Config, database: OpenDatabase, key: Buffer): Promise<Record<string, string>> {
  if (config.mode !== 'demo' || database.superuserUrl === null) return {}
  const password = createHmac('sha256', key).update('demo target').digest('base64url')
  return { DEMO_TARGET_URL: (await createDemoTarget(database.superuserUrl, password)).url }
}
