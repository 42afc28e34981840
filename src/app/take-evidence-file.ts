import { findNotes } from '../record/find-notes.ts'
import { parseCheckpoint, parseNote, Refused } from '../record/verify.ts'
import { writePopulation } from '../record/write-population.ts'
import { evidenceReport } from '../report/evidence-report.ts'
import { populationReport } from '../report/population-report.ts'
import { readRows } from '../report/population-rows.ts'
import type { Build } from '../telemetry/build.ts'
import type { EvidenceFormat, TakenFile } from '../web/file-door.ts'
import type { Context } from '../workflow/context.ts'
import { textsOfPolicies } from '../workflow/open-evidence.ts'
import { takeEvidence } from '../workflow/show-evidence.ts'
import type { TakenPopulation } from '../workflow/show-population.ts'

/** Takes a link to evidence and makes the file that was asked for. */
export async function takeEvidenceFile(
  context: Context,
  build: Build,
  token: string,
  { format, earlier }: { readonly format: EvidenceFormat; readonly earlier: string },
): Promise<TakenFile> {
  const since = sizesIn(earlier)
  if (earlier !== '' && since.length === 0) return { kind: 'refused', code: 'no-checkpoint' }
  const taken = await takeEvidence(context, token, since)
  if (taken.kind === 'refused') return taken
  if (taken.kind === 'many') return makePopulation(context, build, taken, format)
  const { by, opened } = taken
  const { id, file, missing } = opened
  const name = `evidence-${fileName(id)}.${format}`
  const about = { id, name, build, runBy: by, runAt: context.clock.now(), missing }
  return { kind: 'taken', name, content: evidenceReport(file, format, about).content }
}

/** Of the checkpoints in what somebody pasted; whether they are genuine the verifier tells them. */
function sizesIn(pasted: string): number[] {
  return findNotes(pasted).flatMap((note) => {
    try {
      return [parseCheckpoint(parseNote(note).text).size]
    } catch (error) {
      if (error instanceof Refused) return []
      throw error
    }
  })
}

/** `freeze:*` is no name of a file everywhere. */
function fileName(id: string): string {
  return id.replace(':*', '-everything').replace(':', '-')
}

/** Whole before any of it leaves: what does not come out as the witnesses confirmed it is handed to nobody. */
async function makePopulation(
  context: Context,
  build: Build,
  { by, period, plan, policies, withhold }: Extract<TakenPopulation, { kind: 'many' }>,
  format: EvidenceFormat,
): Promise<TakenFile> {
  const { db, record, witnessed, clock } = context
  const named = plan.members.flatMap(({ data }) => (typeof data.policy === 'string' ? [data.policy] : []))
  const textsOf = async (hashes: readonly string[]) =>
    policies ? textsOfPolicies({ db, record }, new Set(hashes)) : []
  const known = await textsOf(named)
  const rows = await readRows(record, db, plan, known)
  const json = writePopulation({ record, witnessed }, db, plan, {
    ...{ zone: period.timeZone, withhold },
    policiesNamed: textsOf,
  })
  const name = `evidence-${plan.of.person ?? plan.of.target}-${period.name}.${format}`
  const about = { plan, period, withheld: withhold, rows, policies: known, name, build, runBy: by }
  const pieces: string[] = []
  await populationReport(format, json, { ...about, runAt: clock.now() }, async (piece) => void pieces.push(piece))
  return { kind: 'taken', name, content: pieces.join('') }
}
