import { once } from 'node:events'
import { basename } from 'node:path'
import { concludePopulation } from '../domain/conclude-population.ts'
import { boundaryOf } from '../domain/period.ts'
import type { PopulationPlan } from '../record/plan-population.ts'
import { writePopulation } from '../record/write-population.ts'
import type { ReportFormat } from '../report/evidence-report.ts'
import { populationReport } from '../report/population-report.ts'
import { readRows } from '../report/population-rows.ts'
import { readBuild } from '../telemetry/build.ts'
import { textsOfPolicies } from '../workflow/open-evidence.ts'
import { openPopulation } from '../workflow/open-population.ts'
import { readKeptCheckpoints } from './kept-checkpoints.ts'
import type { NewFiles } from './new-files.ts'
import { type Arguments, UsageWrong } from './read-arguments.ts'
import { readPatience } from './read-patience.ts'
import { DONE, type ExitCode, NO, oneLine, say, warn } from './terminal.ts'
import { withSealedRecord } from './with-record.ts'

/**
 * Writes the evidence of all grants and requests of a period, of a person or on a target, piece by piece. Whoever reads
 * the JSON sees that none is missing, unless what is of others is withheld.
 * @param files where it goes; to standard output when there are none
 */
export async function population(given: Arguments, format: ReportFormat, files: NewFiles | null): Promise<ExitCode> {
  const said = readSaid(given)
  const withheld = given.isOn('withhold')
  if (given.value('key') !== '') throw new UsageWrong('--key is for the evidence of one id. Leave it out for a period')
  const since = (await readKeptCheckpoints(given)).map(({ size }) => size)
  const [by, person, target] = [given.value('as'), given.value('person') || null, given.value('target') || null]
  return withSealedRecord<ExitCode>(async (acting) => {
    const { db, record, witnessed, clock } = acting
    const patienceMs = readPatience(given)
    const { period, plan, unknown } = await openPopulation(acting, { said, by, person, target, patienceMs, since })
    const policies = await textsOfPolicies(acting, policiesNamedIn(plan))
    const rows = await readRows(record, db, plan, policies)
    const json = writePopulation({ record, witnessed }, db, plan, {
      ...{ zone: period.timeZone, withhold: withheld },
      policiesNamed: (named) => textsOfPolicies(acting, new Set(named)),
    })
    const name = basename(given.value('out')) || 'evidence.json'
    const about = { plan, period, withheld, rows, policies, name, build: await readBuild() }
    const manifest = await populationReport(
      format,
      json,
      { ...about, runBy: by, runAt: clock.now() },
      async (piece) => {
        if (files !== null) return files.append(piece)
        if (!process.stdout.write(piece)) await once(process.stdout, 'drain')
      },
    )
    for (const name of unknown) warn(name)
    const code = unknown.length === 0 ? DONE : NO
    if (files === null) return code
    await files.write(['', `${JSON.stringify(manifest, null, 2)}\n`])
    say(`${given.value('out')}: ${oneLine(concludePopulation(rows).line)}.`)
    say(`${boundaryOf(period)}. What counts is when it was asked for.`)
    for (const limit of plan.limits) warn(`Not proved: ${oneLine(limit)}`)
    for (const doubt of doubtsOf(plan, withheld)) warn(`Not shown to be complete: ${doubt}`)
    return code
  })
}

/** In the words of a period: both days are inside. @throws UsageWrong */
function readSaid(given: Arguments): string {
  const [period, from, to] = [given.value('period'), given.value('from'), given.value('to')]
  if (period !== '' && (from !== '' || to !== '')) throw new UsageWrong('Give --period, or --from and --to')
  if (period !== '') return period
  if (from === '' || to === '') {
    throw new UsageWrong(
      'evidence needs an id, or a period: --from 2026-10-01 --to 2026-12-31 (both days inside), or --period 2026-Q4',
    )
  }
  return `${from}..${to}`
}

function policiesNamedIn({ members }: PopulationPlan): Set<string> {
  return new Set(members.flatMap(({ data }) => (typeof data.policy === 'string' ? [data.policy] : [])))
}

function doubtsOf({ range, checkpoint }: PopulationPlan, withheld: boolean): string[] {
  return [
    ...(withheld ? ['what is of others is withheld. Nobody can tell from this file whether any is missing'] : []),
    ...(range.end === checkpoint.checkpoint.size
      ? ['the witnessed log may end before the period and an hour more. verify says so; then make it again later']
      : []),
  ]
}
