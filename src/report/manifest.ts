import { hash } from 'node:crypto'
import type { KeptBy } from '../domain/independence.ts'
import type { Build } from '../telemetry/build.ts'

/** What a report is, so that a reader can tell how it came about and whether it is whole. */
export interface Manifest {
  readonly format: 'countersign-manifest/1'
  readonly report: string
  /** Of the report's form: it changes when a column or a rule does. */
  readonly version: number
  readonly build: Build
  readonly parameters: Readonly<Record<string, string>>
  readonly period: Period
  /** The person who was named, not proved. */
  readonly runBy: string
  /** UTC. */
  readonly runAt: string
  readonly checkpoint: { readonly origin: string; readonly size: number; readonly root: string }
  /** Who keeps the checkpoints, as the events of the report say; left out of a digest. */
  readonly witnesses?: readonly KeptBy[]
  readonly rows: number
  readonly file: { readonly name: string; readonly sha256: string; readonly bytes: number }
}

export interface Period {
  /** UTC; null for both where the report has no rows. */
  readonly from: string | null
  readonly until: string | null
  /** IANA zone of the days that it is made of, or UTC. */
  readonly zone: string
  readonly boundary: string
}

/** @param content the exact text of the file, which is written as UTF-8 */
export function manifestOf({ name, content, ...about }: Described): Manifest {
  const bytes = Buffer.from(content, 'utf8')
  const file = { name, sha256: hash('sha256', bytes, 'hex'), bytes: bytes.length }
  return { format: 'countersign-manifest/1', ...about, file }
}

/** How a report came about, as its page says it. */
export function madeRows({ report, version, build, parameters }: Manifest): (readonly [string, string])[] {
  const asked = Object.entries(parameters).map(([name, value]) => `${name}: ${value}`)
  return [
    ['Report', `${report}, version ${version} of its form`],
    ['Made by', `Countersign ${build.version}, commit ${build.commit}, dependencies ${build.lockFile}`],
    ['Asked for', asked.join(', ')],
  ]
}

type Described = Omit<Manifest, 'format' | 'file'> & { readonly name: string; readonly content: string }
