import { digestChart } from '../cards/digest-chart.ts'
import type { Names } from '../cards/text.ts'
import { utc } from '../domain/conclusion.ts'
import { DIGEST_LISTS, type DigestList, LIST_NAMES } from '../domain/digest-lists.ts'
import { boundaryOf } from '../domain/period.ts'
import type { Build } from '../telemetry/build.ts'
import { digestPage } from './digest-page.ts'
import { type Manifest, manifestOf } from './manifest.ts'
import type { Digest, DigestRow } from './read-digest.ts'

/** Raised when a list, a rule or a member changes. */
const VERSION = 1
/** Of each list, in a page: the command line has all of it. */
export const SHOWN_IN_A_PAGE = 500

/** The digest as a file: JSON for machines, or a page for people with that JSON inside. */
export function digestReport(digest: Digest, format: 'html' | 'json', about: DigestAbout): DigestFile {
  const json = `${JSON.stringify(asJson(digest), null, 1)}\n`
  const describe = (name: string, content: string, as: string) =>
    manifestOf({ ...partsOf(digest, about, as), name, content })
  const content =
    format === 'json'
      ? json
      : digestPage({
          ...{ digest, json, names: about.names, manifest: describe('digest.json', json, 'json') },
          chart: digestChart(digest.period, digest.counts.days),
        })
  return { content, manifest: describe(about.name, content, format) }
}

/** What describes a whole list, written by itself. */
export function listManifest(digest: Digest, list: DigestList, about: DigestAbout & { content: string }): Manifest {
  const { counts } = digest.counts
  return manifestOf({
    ...partsOf(digest, about, 'csv'),
    ...{ parameters: { period: digest.period.name, list, format: 'csv' }, rows: counts[list] },
    ...{ name: about.name, content: about.content },
  })
}

function partsOf({ period, runAt, events, checkpoint }: Digest, { build, runBy }: DigestAbout, format: string) {
  return {
    ...{ report: `digest of ${period.name}`, version: VERSION, build, runBy, runAt: utc(runAt), rows: events },
    parameters: { period: period.name, format },
    period: { from: utc(period.from), until: utc(period.until), zone: period.timeZone, boundary: boundaryOf(period) },
    checkpoint: checkpoint ?? { origin: '', size: 0, root: '' },
  }
}

function asJson({ period, runAt, events, conclusion, counts, rows, policies, checkpoint, check }: Digest) {
  return {
    format: 'countersign-digest/1',
    period: { ...period, from: utc(period.from), until: utc(period.until) },
    ...{ runAt: utc(runAt), events, conclusion: conclusion.line, ...counts, checkpoint },
    check: check && { ...check, at: utc(check.at) },
    policies: policies.map(({ event, policy, by, diff, stewards }) => ({
      ...{ policy, by, at: utc(event.at), diff, stewards },
    })),
    lists: Object.fromEntries(
      LIST_NAMES.map((name) => [name, { title: DIGEST_LISTS[name], shown: (rows.get(name) ?? []).map(rowAsJson) }]),
    ),
  }
}

function rowAsJson({ leafIndex, at, stream, seq, type, whose, what, by, note }: DigestRow) {
  return { leafIndex, at: utc(at), stream, seq, type, whose, what, by, note }
}

export interface DigestAbout {
  /** The file's. */
  readonly name: string
  readonly build: Build
  readonly runBy: string
  readonly names: Names
}

interface DigestFile {
  readonly content: string
  readonly manifest: Manifest
}
