import { concludePopulation } from '../domain/conclude-population.ts'
import type { Conclusion } from '../domain/conclusion.ts'
import { parseVkey, type Verdict, verifyEvidence } from '../record/verify.ts'
import { conclude } from '../report/conclude.ts'
import { allInOrder } from '../report/evidence-csv.ts'
import { rowsOf } from '../report/population-rows.ts'
import { conclusionLines } from './conclusion-lines.ts'
import { fingerprintOf } from './fingerprint.ts'
import { type KeptCheckpoint, readKeptCheckpoints } from './kept-checkpoints.ts'
import type { Arguments } from './read-arguments.ts'
import { readBytes } from './read-text.ts'
import { DONE, type ExitCode, instant, NO, oneLine, say, sayJson } from './terminal.ts'

/** Checks an evidence file by itself: no network, no database, no configuration. */
export async function verifyFile(given: Arguments): Promise<ExitCode> {
  const file = given.word(0)
  const vkey = given.value('key').trim()
  const kept = await readKeptCheckpoints(given)
  const options = { ...(vkey !== '' && { vkey }), earlier: kept.map(({ note }) => note) }
  const verdict = verifyEvidence(await readBytes(file), options)
  const key = vkey === '' ? null : { verifierKey: vkey, fingerprint: fingerprintOf(vkey) }
  const isOfMany = verdict.population !== null
  const conclusion = verdict.verdict === 'refused' || isOfMany ? null : conclude(verdict)
  if (given.isOn('json')) sayJson({ ...verdict, key, conclusion, ...(isOfMany && { grants: rowsOf(verdict) }) })
  else for (const line of linesOf(file, verdict, conclusion, key, kept)) say(oneLine(line))
  return verdict.verdict === 'verified' ? DONE : NO
}

function linesOf(
  file: string,
  verdict: Verdict,
  conclusion: Conclusion | null,
  key: { verifierKey: string; fingerprint: string } | null,
  kept: readonly KeptCheckpoint[],
): string[] {
  const givenKey = key === null ? [] : [`  the key that was given has the fingerprint ${key.fingerprint} (SHA-256)`]
  if (verdict.verdict === 'refused') {
    const reasons = verdict.reasons.map((reason) => `  ${reason.where}: ${reason.message} (${reason.code})`)
    return [...refusal(file, verdict, key), ...reasons, ...givenKey]
  }
  const { size = 0, root = '' } = verdict.checkpoint ?? {}
  const found = [
    ...conclusionLines(conclusion, 'long').map((line) => `  ${line}`),
    ...populationLines(verdict),
    ...givenKey,
    `  the log is ${verdict.origin}; its checkpoint has ${size} events under the root ${root}`,
    ...kept.map((one) => `  it continues the checkpoint of size ${one.size} in ${one.file}`),
    ...(verdict.population === null ? verdict.streams : []).map(({ stream, statement }) => `  ${stream}: ${statement}`),
    ...verdict.singles.map(
      ({ stream, leafIndex }) => `  ${stream}: leaf ${leafIndex} alone; what else it holds is not shown`,
    ),
    ...verdict.limits.map((limit) => `  not proved: ${limit}`),
    ...(verdict.population === null ? allInOrder(verdict) : []).map(
      ({ leafIndex, at, stream, seq, type }) => `  leaf ${leafIndex}  ${instant(at)}  ${stream} #${seq}  ${type}`,
    ),
  ]
  if (verdict.verdict === 'verified') return [`VERIFIED: ${file} is genuine under the key that was given`, ...found]
  if (verdict.verdict === 'incomplete') {
    return [`INCOMPLETE: ${file} is genuine under the key that was given, and not shown to be all there is`, ...found]
  }
  return [
    `UNANCHORED: ${file} fits together, but only under the key that it brings itself`,
    '  a key inside the file proves nothing: get the key of the log by another way, and give it with --key',
    ...found,
  ]
}

/** A slip of whoever checks says nothing about the file, and is told apart from what does. */
function refusal(file: string, { reasons }: Verdict, key: { verifierKey: string } | null): string[] {
  const codes = reasons.map(({ code }) => code)
  if (key !== null && !isVkey(key.verifierKey)) {
    return [
      `REFUSED: what was given with --key is no key of a log, so ${file} was not checked`,
      '  give the key whole, between quotes, as whoever vouches for it wrote it: name+8 digits+base64',
    ]
  }
  if (codes.includes('key-differs')) {
    return [
      `REFUSED: ${file} is not evidence under the key that was given`,
      '  ask whoever vouches for the key which one it is, and of which log; believe the file least of all',
    ]
  }
  const isCut = codes.includes('not-json') ? ['  it may be cut short: get it anew, whole'] : []
  return [`REFUSED: ${file} is not evidence`, ...isCut]
}

function isVkey(text: string): boolean {
  try {
    parseVkey(text)
    return true
  } catch {
    return false
  }
}

/** What the file claims to be all of: a reader must see that it is what they asked for. Then each of them by one line. */
function populationLines(verdict: Verdict): string[] {
  if (verdict.population === null) return []
  const { from, until, zone, person, target, first, end, withheld, doubts } = verdict.population
  const of = [person === null ? [] : `by or for ${person}`, target === null ? [] : `on ${target}`].flat().join(' ')
  const rows = rowsOf(verdict)
  return [
    `  ${concludePopulation(rows).line}`,
    `  ${doubts.length === 0 ? 'that is all' : 'it claims to be all'}${of === '' ? '' : ` ${of}`} from ${instant(from)} until before ${instant(until)} (${zone}), by when it was asked for`,
    ...doubts.map((doubt) => `  NOT SHOWN TO BE COMPLETE: ${doubt}`),
    `  looked through: leaves ${first} to ${end - 1}, of which ${withheld} are withheld`,
    ...rows.map(
      (row) => `  ${row.grant}  ${instant(row.askedAt)}  ${row.for}  ${row.target}:${row.entitlement}  ${row.line}`,
    ),
  ]
}
