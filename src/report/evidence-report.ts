import { utc } from '../domain/conclusion.ts'
import { distinctKeepers, type KeptBy } from '../domain/independence.ts'
import type { EvidenceFile } from '../record/evidence.ts'
import { type Verdict, verifyEvidence } from '../record/verify.ts'
import type { Build } from '../telemetry/build.ts'
import { conclude } from './conclude.ts'
import { evidenceCsv } from './evidence-csv.ts'
import { evidencePage } from './evidence-page.ts'
import { type Manifest, manifestOf, type Period } from './manifest.ts'

export const REPORT_FORMATS = ['json', 'html', 'csv'] as const
export type ReportFormat = (typeof REPORT_FORMATS)[number]

/** Raised when a column, a rule or a member changes. */
const VERSION = 2

/**
 * Evidence as a file for whoever asked, with its manifest. Our own evidence is verified first, as anybody would: what
 * does not verify is shown to nobody.
 */
export function evidenceReport(file: EvidenceFile, format: ReportFormat, about: About): Report {
  const json = `${JSON.stringify(file, null, 2)}\n`
  const verdict = verifyEvidence(json)
  if (verdict.verdict === 'refused') {
    throw new Error(`evidence of our own does not verify: ${verdict.reasons.map(({ code }) => code).join(', ')}`)
  }
  const conclusion = conclude(verdict)
  const describe = (name: string, content: string) => manifestOf({ ...partsOf(verdict, format, about), name, content })
  const contents: Readonly<Record<ReportFormat, () => string>> = {
    json: () => json,
    html: () =>
      evidencePage({
        file,
        verdict,
        conclusion,
        missing: about.missing ?? [],
        manifest: describe('evidence.json', json),
      }),
    csv: () => evidenceCsv(verdict),
  }
  const content = contents[format]()
  return { content, manifest: describe(about.name, content), conclusion }
}

function partsOf({ events, singles, checkpoint, origin }: Verdict, format: ReportFormat, about: About) {
  const { id, build, runBy, runAt } = about
  return {
    ...{ report: `evidence on ${id}`, version: VERSION, build, parameters: { id, format }, period: periodOf(events) },
    ...{ runBy, runAt: utc(runAt), rows: events.length + singles.length },
    checkpoint: { origin: origin ?? '', size: checkpoint?.size ?? 0, root: checkpoint?.root ?? '' },
    witnesses: distinctKeepers([...events, ...singles].flatMap(keepersIn)),
  }
}

function keepersIn({ type, data }: Verdict['events'][number]): KeptBy[] {
  const holder = type === 'grant.providing' ? data.independence : type === 'witnesses.seen' ? data : null
  const { keptBy } = (holder ?? {}) as { readonly keptBy?: unknown }
  return Array.isArray(keptBy) ? keptBy.filter((one) => typeof one === 'object' && one !== null) : []
}

function periodOf(events: Verdict['events']): Period {
  const times = events.map(({ at }) => at)
  const none = times.length === 0
  return {
    ...{ from: none ? null : utc(Math.min(...times)), until: none ? null : utc(Math.max(...times)), zone: 'UTC' },
    boundary: 'both ends included: every event of its streams that the checkpoint covers, the first to the last',
  }
}

export interface Report {
  readonly content: string
  readonly manifest: Manifest
  readonly conclusion: ReturnType<typeof conclude>
}

export interface MissingEvents {
  readonly stream: string
  readonly from: number
  readonly to: number
}

export interface About {
  readonly id: string
  /** The file's. */
  readonly name: string
  readonly build: Build
  readonly runBy: string
  /** Epoch milliseconds. */
  readonly runAt: number
  /** What was on record and no witness had confirmed. */
  readonly missing?: readonly MissingEvents[]
}
