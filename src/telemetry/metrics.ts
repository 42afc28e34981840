import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Build } from './build.ts'
import type { HouseFigures, SeenEnding } from './house-figures.ts'
import type { Observer } from './observer.ts'

const ANSWER_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5]
const LATENESS_S = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600]
/** More names than this are a fault of ours, and would cost whoever keeps the metrics. */
const MOST_ALARMS = 64

/**
 * The metrics of one process, in a registry of their own. What is about this process is counted as it happens; what is
 * about the whole house is handed in when somebody asks. Labels are words of ours, of the policy or of the
 * configuration, never ids. docs/metrics.md explains each.
 */
export function createMetrics(build: Build): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({ name: `countersign_${name}`, help, labelNames: [...labelNames], registers })
  const histogram = (name: string, help: string, buckets: number[], labelNames: readonly string[] = []) =>
    new Histogram({ name: `countersign_${name}`, help, labelNames: [...labelNames], buckets, registers })

  const acts = histogram('act_duration_seconds', 'Until an act was answered', ANSWER_S, ['verb', 'outcome'])
  const notices = histogram('notice_lateness_seconds', 'From an event to the chat that shows it', LATENESS_S)
  const fallen = new Counter({
    name: 'countersign_notices_elsewhere_total',
    help: 'Cards that went to the fallback channel',
    registers,
  })
  const alarms = new Counter({
    name: 'countersign_alarms_total',
    help: 'Things that a person must look at, by what',
    labelNames: ['what'],
    registers,
  })
  const alarmNames = new Set<string>()

  const begun = histogram('ending_lateness_seconds', 'From due to the begin of an ending', LATENESS_S, ['cause'])
  const proved = histogram('ending_proof_seconds', 'From due to the proof that it is gone', LATENESS_S)
  const endings = new Counter({
    name: 'countersign_endings_total',
    help: 'Endings on the record since this process started',
    labelNames: ['step'],
    registers,
  })
  for (const step of ['begun', 'proved', 'stuck']) endings.inc({ step }, 0)

  const house = {
    unproved: gauge('endings_unproved', 'Endings that have begun and are not proved'),
    stuck: gauge('endings_stuck', 'Of those, told to people as stuck'),
    size: gauge('record_size', 'Events under the tree'),
    pending: gauge('sealing_pending', 'Events that wait for the sealer'),
    pendingAge: gauge('sealing_oldest_pending_seconds', 'Age of the oldest event that waits for the sealer'),
    unwitnessed: gauge('sealing_oldest_unwitnessed_seconds', 'Age of the oldest event not confirmed by every witness'),
    lag: gauge('sealing_lag_seconds', 'From commit to confirmation, worst event of the newest checkpoint', ['witness']),
    quarantined: gauge('record_quarantined', 'Rows that the sealer refused to put under the tree'),
    checkOk: gauge('record_check_ok', '1 when the last check found the record whole, 0 when not'),
    checkAge: gauge('record_check_age_seconds', 'Since the last check of the record'),
    checkTook: gauge('record_check_duration_seconds', 'How long the last check of the record took'),
    checkSize: gauge('record_check_size', 'Events that the last check of the record went through'),
    witnessAge: gauge('witness_age_seconds', 'Since a witness confirmed its newest checkpoint', ['witness']),
    undeliverable: gauge('notices_undeliverable', 'Messages that were given up, all in all'),
    frozen: gauge('frozen_seconds', 'How long a target has been frozen, * for everything; no line: it is not', [
      'target',
    ]),
    findings: gauge('findings_open', 'Findings that nobody has closed, without those that are accepted', ['severity']),
    findingsLate: gauge('findings_overdue', 'Of those, the ones whose time is over', ['severity']),
    accepted: gauge('findings_accepted', 'Findings that two persons let rest until a day'),
    unreadable: gauge('findings_unreadable', 'Findings whose own record was changed'),
    holds: gauge('holds', 'Holds that are in force or asked for'),
    erasuresWaiting: gauge('erasures_waiting', 'Erasures that were ordered and are not carried out'),
    erased: gauge('texts_erased', 'Texts that two persons had erased, all in all'),
    pruned: gauge('pruning_pruned', 'Grants that the last pruning removed'),
    keptBack: gauge('pruning_held', 'Grants whose retention is over, and that a hold, a finding or an order keeps'),
    pruningDue: gauge(
      'pruning_due',
      'Grants whose retention is over, and that are still there with nothing that keeps them',
    ),
    pruningRefused: gauge('pruning_refused', '1 when the last pruning removed nothing because something was in doubt'),
    pruningAge: gauge('pruning_age_seconds', 'Since the last pruning'),
    behind: gauge('notices_behind', 'Grants of which chat does not show all that is on record'),
    behindAge: gauge('notices_behind_seconds', 'Age of the oldest event that chat does not show'),
    waiting: gauge('effects_waiting', 'Effects that wait', ['kind']),
    running: gauge('effects_running', 'Effects that run', ['kind']),
    stuckEffects: gauge('effects_stuck', 'Effects reported as stuck and still tried', ['kind']),
    givenUp: gauge('effects_given_up', 'Effects not tried any longer, in the last week', ['kind']),
    late: gauge('effects_late_seconds', 'How long the oldest effect that waits has been due', ['kind']),
  }
  /** Before the first check there is nothing to say. */
  const checks = [house.checkOk, house.checkAge, house.checkTook, house.checkSize]
  const prunings = [house.pruned, house.keptBack, house.pruningDue, house.pruningRefused, house.pruningAge]
  const keeping = [house.holds, house.erasuresWaiting, house.erased]
  const read = gauge('house_read', '1 when the figures of the whole house could be read, 0 when not')
  const ready = gauge('ready', 'Readiness by check: 1 ok, 0 degraded or failed', ['check'])
  gauge('build_info', 'Which build runs', ['version', 'commit', 'node']).set(
    { version: build.version, commit: build.commit, node: process.version },
    1,
  )

  function setHouse(figures: HouseFigures): void {
    house.unproved.set(figures.endings.unproved)
    house.stuck.set(figures.endings.stuck)
    house.size.set(figures.record.size)
    house.pending.set(figures.record.pending)
    house.pendingAge.set(seconds(figures.record.oldestPendingMs))
    house.unwitnessed.set(seconds(figures.record.oldestUnwitnessedMs))
    house.quarantined.set(figures.record.quarantined)
    house.undeliverable.set(figures.undeliverable)
    house.behind.set(figures.chat.behind)
    house.behindAge.set(seconds(figures.chat.oldestMs))
    if (figures.check === null) for (const one of checks) one.remove({})
    else {
      house.checkOk.set(figures.check.ok ? 1 : 0)
      house.checkAge.set(seconds(figures.check.ageMs))
      house.checkTook.set(seconds(figures.check.tookMs))
      house.checkSize.set(figures.check.size)
    }
    setKeeping(figures)
    for (const { witness, ageMs, lagMs } of figures.witnesses) {
      house.witnessAge.set({ witness }, seconds(ageMs))
      house.lag.set({ witness }, seconds(lagMs))
    }
    for (const { severity, open, overdue } of figures.findings.open) {
      house.findings.set({ severity }, open)
      house.findingsLate.set({ severity }, overdue)
    }
    house.accepted.set(figures.findings.accepted)
    house.unreadable.set(figures.findings.unreadable)
    for (const { target, forMs } of figures.freezes) house.frozen.set({ target }, seconds(forMs))
    for (const { kind, waiting, running, stuck, givenUp, lateByMs } of figures.effects) {
      house.waiting.set({ kind }, waiting)
      house.running.set({ kind }, running)
      house.stuckEffects.set({ kind }, stuck)
      house.givenUp.set({ kind }, givenUp)
      house.late.set({ kind }, seconds(Math.max(0, lateByMs)))
    }
    figures.seen.forEach(seeEnding)
  }

  function setKeeping({ keeping: held, pruning }: HouseFigures): void {
    if (held === null) for (const one of keeping) one.remove({})
    else {
      house.holds.set(held.holds)
      house.erasuresWaiting.set(held.waiting)
      house.erased.set(held.erased)
    }
    if (pruning === null) for (const one of prunings) one.remove({})
    else {
      house.pruned.set(pruning.pruned)
      house.keptBack.set(pruning.held)
      house.pruningDue.set(pruning.due)
      house.pruningRefused.set(pruning.refused ? 1 : 0)
      house.pruningAge.set(seconds(pruning.ageMs))
    }
  }

  function seeEnding(seen: SeenEnding): void {
    endings.inc({ step: seen.step })
    if (seen.step === 'begun') begun.observe({ cause: seen.cause }, seconds(seen.lateMs))
    if (seen.step === 'proved') proved.observe(seconds(seen.lateMs))
  }

  return {
    contentType: registry.contentType,
    act: (verb, outcome, tookMs) => acts.observe({ verb, outcome }, seconds(tookMs)),
    chatInStep: (lateMs) => notices.observe(seconds(lateMs)),
    fellBack: () => fallen.inc(),
    alarm(what) {
      const known = alarmNames.has(what) || alarmNames.size < MOST_ALARMS
      if (known) alarmNames.add(what)
      alarms.inc({ what: known ? what : 'other' })
    },
    show(figures, checks) {
      // What is no longer there must not stay as it was; nor must old figures stand for new ones.
      for (const one of [...Object.values(house), ready]) one.reset()
      read.set(figures === null ? 0 : 1)
      if (figures === null) for (const one of Object.values(house)) one.remove({})
      else setHouse(figures)
      for (const { name, state } of checks) ready.set({ check: name }, state === 'ok' ? 1 : 0)
      return registry.metrics()
    },
  }
}

function seconds(ms: number): number {
  return Math.max(0, ms) / 1_000
}

export interface Metrics extends Observer {
  readonly contentType: string
  /** The text for Prometheus. @param figures null when the database did not answer: they are left out */
  show(
    figures: HouseFigures | null,
    checks: readonly { readonly name: string; readonly state: string }[],
  ): Promise<string>
}
