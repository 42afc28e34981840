import { createHash } from 'node:crypto'
import { utc } from '../domain/conclusion.ts'
import { distinctKeepers } from '../domain/independence.ts'
import { boundaryOf, type Period } from '../domain/period.ts'
import type { PopulationRow } from '../domain/population-row.ts'
import type { PopulationPlan } from '../record/plan-population.ts'
import type { PolicyText } from '../record/verify.ts'
import type { Build } from '../telemetry/build.ts'
import type { ReportFormat } from './evidence-report.ts'
import type { Manifest } from './manifest.ts'
import { POPULATION_CSV_HEAD, populationCsv } from './population-csv.ts'
import { pageAfter, pageBefore } from './population-page.ts'
import { inScript } from './shown-text.ts'

/** Raised when a column, a rule or a member changes. */
const VERSION = 2

/**
 * All grants and requests of a period as a file for whoever asked, piece by piece.
 * @param json the evidence, from `writePopulation`: read to its end for each format, because what is not in it to the end
 * is not what the witnesses confirmed
 * @param take is called with each piece of the file
 */
export async function populationReport(
  format: ReportFormat,
  json: AsyncIterable<string>,
  about: PopulationAbout,
  take: (piece: string) => Promise<void>,
): Promise<Manifest> {
  const own = createFileSum(about.name)
  const inside = createFileSum('evidence.json')
  const put = async (piece: string) => {
    own.add(piece)
    await take(piece)
  }
  const manifest = (file: Manifest['file']) => manifestOf(about, format, file)
  if (format === 'html') await put(pageBefore(about))
  for await (const piece of json) {
    inside.add(piece)
    if (format === 'json') await put(piece)
    if (format === 'html') await put(inScript(piece))
  }
  if (format === 'html') await put(pageAfter(manifest(inside.close()), about.policies))
  if (format === 'csv') await put(POPULATION_CSV_HEAD + populationCsv(about.rows))
  return manifest(own.close())
}

function manifestOf(about: PopulationAbout, format: ReportFormat, file: Manifest['file']): Manifest {
  const { plan, period, build, runBy, runAt, rows } = about
  const { checkpoint } = plan.checkpoint
  const { person, target } = plan.of
  return {
    ...{ format: 'countersign-manifest/1', report: titleOf(about), version: VERSION, build, runBy, runAt: utc(runAt) },
    parameters: {
      ...{ population: 'grants', period: period.name, format, others: about.withheld ? 'withheld' : 'shown' },
      ...(person !== null && { person }),
      ...(target !== null && { target }),
    },
    period: {
      ...{ from: utc(period.from), until: utc(period.until), zone: period.timeZone },
      boundary: `${boundaryOf(period)}; what counts is when it was asked for`,
    },
    checkpoint: { origin: checkpoint.origin, size: checkpoint.size, root: checkpoint.root.toString('base64') },
    witnesses: distinctKeepers(rows.flatMap(({ keptBy }) => keptBy)),
    ...{ rows: rows.length, file },
  }
}

/** `E104 on prod-db, 2026-Q4` */
function titleOf({ plan: { of }, period }: Pick<PopulationAbout, 'plan' | 'period'>): string {
  const who = of.person ?? (of.target === null ? 'everybody' : '')
  const where = of.target === null ? '' : `${who === '' ? '' : ' on '}${of.target}`
  return `evidence on ${who}${where}, ${period.name}`
}

function createFileSum(name: string) {
  const sum = createHash('sha256')
  let bytes = 0
  return {
    add(piece: string): void {
      sum.update(piece, 'utf8')
      bytes += Buffer.byteLength(piece)
    },
    close: () => ({ name, sha256: sum.digest('hex'), bytes }),
  }
}

export interface PopulationAbout {
  readonly plan: PopulationPlan
  readonly period: Period
  /** What is not of the population is not shown. */
  readonly withheld: boolean
  readonly rows: readonly PopulationRow[]
  /** Those whose texts are in the file: by them people and targets are named. */
  readonly policies: readonly PolicyText[]
  /** The file's. */
  readonly name: string
  readonly build: Build
  readonly runBy: string
  /** Epoch milliseconds. */
  readonly runAt: number
}
