import { announceCheckpoints } from '../../src/cards/checkpoint-announcements.ts'
import type { CheckpointEvent } from '../../src/domain/checkpoint-event.ts'

const AT = Date.parse('2026-11-23T08:00:00Z')
const ROOT = 'GG4Eq31/EV2R36p0557Jt2sptqI1TxwjtOJuwJxihJg='

export const NOTE = `countersign.example/log\n48211\n${ROOT}\n\n— countersign.example/log Od3pqCbxJYgY/c5gKbBLFkCiJ7hoPPfJyXN1OvPBM5Cqi1x5oFtPr8p2CCEYUnO5UtPlEkDLBy6Hc5A6pvYPPNsDogE=\n`

const told: CheckpointEvent['data'] = {
  ...{ origin: 'countersign.example/log', size: 48_211, root: ROOT, note: NOTE },
  fingerprint: 'f0c4c77acc2f56c7c4b4043e2a44bf6fa5d933c73c10456ae3d6b81e95ff8996',
  since: { size: 48_169, at: AT - 900_000 },
  ...{ week: null, announcedIn: [{ platform: null, channel: 'access' }], policy: 'p' },
}

/** A checkpoint of a quarter of an hour, one with a digest, and the first of all. */
export function checkpointMessages() {
  return [told, { ...told, week: '2026-W47' }, { ...told, since: null }].flatMap((data, place) =>
    announceCheckpoints(`checkpoint:${place}`, [{ type: 'checkpoint.announced', data, seq: 1, at: AT }]),
  )
}
