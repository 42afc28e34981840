import { announceDigest } from '../../src/cards/digest-announcements.ts'
import type { DigestEvent } from '../../src/domain/digest-event.ts'
import { DAY, HOUR, MINUTE } from '../../src/domain/duration.ts'
import type { Placed } from '../../src/domain/grant-event.ts'

/** Monday of 2026-W47, midnight in Madrid. */
const MONDAY = Date.parse('2026-11-15T23:00:00Z')
const ASKED = [12, 7, 19, 3, 8, 0, 1]
const GRANTED = [10, 7, 15, 3, 6, 0, 1]
const NAMES: Readonly<Record<string, string>> = { carla: 'Carla Ruiz', ana: 'Ana Ruiz' }

type Made = Extract<DigestEvent, { type: 'digest.made' }>['data']

/** A week with something to look at. */
const troubledWeek: Made = {
  ...{ week: '2026-W47', from: MONDAY, until: MONDAY + 7 * DAY, timeZone: 'Europe/Madrid', standing: 'broken' },
  line: 'To look at: 2 open findings, 1 ended late, 1 not seen gone. 50 asked, 42 given, 41 ended',
  counts: {
    ...{ 'open-findings': 2, 'new-findings': 3, 'closed-findings': 1, late: 1, unproved: 1, policies: 1, builds: 1 },
    ...{ refused: 6, asked: 50, approved: 43, denied: 4, unanswered: 2, withdrawn: 1, granted: 42, failed: 1 },
    ...{ extended: 5, ended: 41, 'on-time': 39 },
  },
  first: { 'open-findings': ['F-7K3QF0', 'F-9XW2B1'], late: ['G-7K3QF0'], unproved: ['G-4TR8PM'] },
  approveMs: 4 * MINUTE + 12_000,
  days: ASKED.map((asked, day) => ({ asked, granted: GRANTED[day] ?? 0 })),
  events: 612,
  checkpoint: { size: 48_211, root: 'GG4Eq31/EV2R36p0557Jt2sptqI1TxwjtOJuwJxihJg=' },
  check: { ok: true, at: MONDAY + 7 * DAY + 3 * HOUR, size: 48_190 },
  ...{ announcedIn: [{ platform: null, channel: 'access' }], askedOf: ['carla'], policy: 'p' },
}

/** A week in which nothing happened. */
const emptyWeek: Made = {
  ...troubledWeek,
  ...{ week: '2026-W48', from: MONDAY + 7 * DAY, until: MONDAY + 14 * DAY, standing: 'shown', counts: {}, first: {} },
  line: 'An empty period: nothing was asked, given, ended or changed',
  ...{ approveMs: null, days: ASKED.map(() => ({ asked: 0, granted: 0 })), events: 0 },
}

/** Every message of a digest, made, reminded of, acknowledged, and of an empty week. */
export function digestMessages() {
  const reminded: DigestEvent = { type: 'digest.reminded', data: { to: ['carla'] } }
  const acknowledged: DigestEvent = {
    type: 'digest.acknowledged',
    data: { by: 'carla', as: ['compliance'], policy: 'p', assurance: 'click-only' },
  }
  const made: DigestEvent = { type: 'digest.made', data: troubledWeek }
  return [[made, reminded], [made, acknowledged], [{ type: 'digest.made', data: emptyWeek } as const]].flatMap(
    (events) => announceDigest(place(...events), (id) => NAMES[id] ?? id),
  )
}

function place(...events: DigestEvent[]): Placed<DigestEvent>[] {
  return events.map((event, index) => ({ ...event, seq: index + 1, at: MONDAY + 7 * DAY + 9 * HOUR + index * HOUR }))
}
