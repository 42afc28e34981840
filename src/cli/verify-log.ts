import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from '../db/transaction.ts'
import { counted } from '../domain/counted.ts'
import type { OpenRecord } from '../open-record.ts'
import type { WitnessLook } from '../ports/witness.ts'
import type { Difference, DifferenceKind, WitnessHead } from '../record/log-difference.ts'
import { type KeySpan, openInForce, Refused } from '../record/verify.ts'
import { type LogVerdict, verifyLog } from '../record/verify-log.ts'
import { recordStatus } from '../record/watch.ts'
import { confirmedByAll, type Witnessed, WitnessNoteWrong } from '../record/witnessed.ts'
import { type KeptCheckpoint, readKeptCheckpoints } from './kept-checkpoints.ts'
import { openProgressFile } from './progress-file.ts'
import type { Arguments } from './read-arguments.ts'
import { readPatience } from './read-patience.ts'
import { DONE, type ExitCode, instant, NO, oneLine, say, sayJson } from './terminal.ts'
import { configuration, withRecord } from './with-record.ts'

const LOOK_AGAIN_MS = 200

/** Checks the whole record in the database against what the witnesses hold. Changes nothing. */
export async function verifyWholeLog(given: Arguments): Promise<ExitCode> {
  const patienceMs = readPatience(given)
  return withRecord<ExitCode>(configuration(), async (open) => {
    const kept = await readKeptCheckpoints(given)
    const check = await checkLog(open, { patienceMs, resume: given.value('resume'), kept })
    if (given.isOn('json')) sayJson(check)
    else for (const line of linesOf(check, await looksOf(open))) say(oneLine(line))
    return check.ok ? DONE : NO
  })
}

async function checkLog(open: OpenRecord, { patienceMs, resume, kept }: CheckOptions): Promise<LogCheck> {
  const { database, keys, witnessed, clock } = open
  const db = database.pools.app
  const file =
    resume === '' ? null : await openProgressFile(resume, { macKey: keys.mac, origin: witnessed.origin, clock })
  const uncovered = await waitUntilCovered(db, witnessed, patienceMs)
  const { earlier, doubts: strange } = openKept(kept, (await witnessed.keys()).keys)
  const verdict = await verifyLog(db, keys.mac, witnessed, {
    earlier,
    macKeys: open.macs.spans(),
    threads: availableParallelism(),
    now: clock.now,
    ...(file && { resume: file.progress, onProgress: file.keep }),
  })
  if (verdict.ok) await file?.remove()
  const { quarantined } = await recordStatus(db)
  const silent = witnessed.witnesses
    .filter(({ name }) => verdict.size > 0 && !verdict.witnesses.some(({ witness }) => witness === name))
    .map(({ name }) => `witness ${name} holds no checkpoint of ${witnessed.origin}`)
  const late =
    uncovered === 0 ? [] : [`${counted(uncovered, 'event')} not in a checkpoint that every witness confirmed`]
  // Every start is an event, so an empty record is another database, or a wiped one.
  const empty = verdict.size === 0 ? ['nothing is on record: look where DATABASE_URL or DATA_DIR points'] : []
  const doubts = [...empty, ...silent, ...late, ...strange]
  const ok = verdict.ok && doubts.length === 0
  const continues = verdict.differences.length === 0 ? earlier.map(({ holder, size }) => ({ file: holder, size })) : []
  return { ...verdict, ok, origin: witnessed.origin, verifierKey: witnessed.vkey, doubts, quarantined, continues }
}

/** A note that no key of the log signed is no checkpoint of it. */
function openKept(kept: readonly KeptCheckpoint[], keys: readonly KeySpan[]) {
  const earlier: WitnessHead[] = []
  const doubts: string[] = []
  for (const { file, note, size } of kept) {
    try {
      earlier.push({ ...openInForce(note, keys), holder: file, isKept: true })
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      doubts.push(`the checkpoint of size ${size} in ${file} is not of this log, or was changed: ${error.message}`)
    }
  }
  return { earlier, doubts }
}

/**
 * Events that were just written may take a moment to be sealed and confirmed.
 * @returns how many of those that were there at the beginning are still not confirmed by every witness
 */
async function waitUntilCovered(db: Db, witnessed: Witnessed, patienceMs: number): Promise<number> {
  const { size, pending } = await recordStatus(db)
  const signal = AbortSignal.timeout(patienceMs)
  for (;;) {
    const covered = await coveredSize(witnessed)
    const missing = Math.max(0, size + pending - covered)
    if (missing === 0 || signal.aborted) return missing
    await sleep(LOOK_AGAIN_MS)
  }
}

async function coveredSize(witnessed: Witnessed): Promise<number> {
  try {
    return confirmedByAll(await witnessed.ask())?.checkpoint.size ?? 0
  } catch (error) {
    // `verifyLog` names it; waiting would not help.
    if (error instanceof WitnessNoteWrong) return Number.POSITIVE_INFINITY
    throw error
  }
}

/** What each witness is worth, by its name, where that can be seen. */
async function looksOf({ witnesses, witnessed }: OpenRecord): Promise<Map<string, Worth>> {
  const looks = await Promise.allSettled(witnesses.map((witness) => witness.look(witnessed.origin)))
  return new Map(
    witnesses.map(({ name, administeredBy }, place) => {
      const look = looks[place]
      return [name, { administeredBy, look: look?.status === 'fulfilled' ? look.value : null }]
    }),
  )
}

function linesOf(check: LogCheck, worths: ReadonlyMap<string, Worth>): string[] {
  const { ok, origin, size, differences, doubts, quarantined } = check
  const held = check.witnesses.map(({ witness, size }) => {
    const { administeredBy = '', look = null } = worths.get(witness) ?? {}
    const worth = look === null ? [] : [...(look.strength === 'weak' ? [`weak: ${look.faults.join('; ')}`] : look.seen)]
    return `  witness ${witness} confirmed ${size} (${[...worth, `administered by ${administeredBy}`].join('; ')})`
  })
  const aside =
    quarantined === 0 ? [] : [`  ${counted(quarantined, 'event')} in quarantine: forged, and put under no seal`]
  const wrong = [...differences.map((difference) => `  ${explain(difference)}`), ...doubts.map((doubt) => `  ${doubt}`)]
  const verdict = ok
    ? `VERIFIED: the record of ${origin} is whole, ${counted(size, 'event')}`
    : `DOUBT: ${wrong.length === 1 ? 'one thing is' : `${wrong.length} things are`} not right in the record of ${origin}, ${counted(size, 'event')}`
  const { resumed } = check
  const earlier =
    resumed === undefined
      ? []
      : [
          `  the first ${counted(resumed.size, 'event')} were read by an earlier run, from ${instant(resumed.readAt)} on`,
        ]
  const gone =
    check.pruned === undefined
      ? []
      : [`  ${counted(check.pruned, 'event')} pruned after their retention: the stream pruned says which`]
  const continued = check.continues.map(({ file, size }) => `  it continues the checkpoint of size ${size} in ${file}`)
  return [
    verdict,
    ...wrong,
    ...breakLines(check),
    ...(check.starts ?? []).map((one) => `  BEFORE: not proved is ${one}`),
    ...held,
    ...continued,
    ...aside,
    ...gone,
    ...earlier,
  ]
}

/** No doubt about this log, and yet nothing that an auditor trusted before leads to its key. */
function breakLines({ before }: LogCheck): string[] {
  if (before === undefined) return []
  const { origin, lostKey, by, at, carried } = before
  return [
    `  BREAK IN TRUST: ${by} said that the signing key of ${origin} is lost, and began this log under another at ${instant(at)}`,
    `  the lost key vouches for nothing here but what it signed before: ${lostKey}`,
    ...(carried === null
      ? []
      : [
          `  it signed the first ${counted(carried.covered, 'event')} of ${origin}; ${counted(carried.uncovered, 'event')} that came along rest on the new key alone`,
        ]),
    ...(carried === null || carried.lost === 0
      ? []
      : [
          `  LOST: it had signed ${counted(carried.lost, 'more event')}, which a restore had cut off before. What they said is not here; where a bucket is a witness, it has them still (verify --log --from … --key <the lost key>)`,
        ]),
  ]
}

function explain({ what, where, column, since }: Difference): string {
  const when = since === null ? 'since when is not known' : `it was right at ${instant(since)}`
  const which = column === undefined ? '' : ` (${column})`
  return `${what}: ${where}: ${MEANINGS[what]}${which}; ${when}`
}

const MEANINGS: Readonly<Record<DifferenceKind, string>> = {
  'body-changed': 'its text was changed',
  'mac-wrong': 'it was not written with our key',
  'body-malformed': 'it was written with our key and is no event: find out who has the key',
  'column-changed': 'a column says something else than its text',
  'event-missing': 'it was deleted',
  'pruned-early': 'it was removed before its time, and an event of ours says so',
  'event-doubled': 'it stands there twice',
  'text-missing': 'its text was deleted, and no event says that it was erased',
  'text-added': 'a text stands there that was erased, or that no event has kept',
  'stream-missing': 'all its events were deleted',
  'chain-broken': 'it does not follow the event before it',
  'head-differs': 'the head of the stream was changed, or its last events deleted',
  'never-sealed': 'it is under no seal and does not wait for one',
  'leaf-missing': 'it was deleted from the tree',
  'tile-differs': 'the tree was changed',
  'checkpoint-forged': 'our key did not sign it',
  'checkpoint-differs': 'it signs another tree',
  'checkpoint-missing': 'it was deleted',
  'witness-differs': 'the witness has seen another record: a restore, a lost tail, or a changed past',
  'witness-note-wrong': 'the witness shows a note that our key did not sign',
  'earlier-differs':
    'the log does not continue the checkpoint that you kept: a restore, a lost tail, or a changed past',
  'before-differs': 'what came along from the log before is not what its own key signed',
  'progress-differs': 'they are not those that the earlier check found right',
  'another-origin': 'the database holds a log of this name: set LOG_ORIGIN to it, or find out how it came here',
}

interface LogCheck extends LogVerdict {
  readonly origin: string
  readonly verifierKey: string
  /** What the witnesses do not vouch for. */
  readonly doubts: readonly string[]
  /** Forged rows that the sealer has set aside. */
  readonly quarantined: number
  /** Checkpoints that somebody kept, and that the log was seen to continue. */
  readonly continues: readonly { readonly file: string; readonly size: number }[]
}

interface CheckOptions {
  readonly patienceMs: number
  /** Path of the file that keeps how far the check came; empty for none. */
  readonly resume: string
  readonly kept: readonly KeptCheckpoint[]
}

interface Worth {
  readonly administeredBy: string
  /** Null when it could not be looked at. */
  readonly look: WitnessLook | null
}
