import { digestFacts, NAMED_ON_A_CARD } from '../report/digest-facts.ts'
import { digestReport, SHOWN_IN_A_PAGE } from '../report/digest-report.ts'
import { readDigest } from '../report/read-digest.ts'
import type { Build } from '../telemetry/build.ts'
import type { DigestFormat, TakenFile } from '../web/file-door.ts'
import { namesOf } from '../workflow/card-context.ts'
import type { Context } from '../workflow/context.ts'
import { listFindings } from '../workflow/find-findings.ts'
import type { ReadFacts } from '../workflow/make-digests.ts'
import { takeDigest } from '../workflow/show-digest.ts'

/** Takes a link to a digest and makes the file that was asked for. */
export async function takeDigestFile(
  context: Context,
  build: Build,
  token: string,
  format: DigestFormat,
): Promise<TakenFile> {
  const taken = await takeDigest(context, token)
  if (taken.kind === 'refused') return taken
  const { by, period } = taken
  const digest = await read(context, period, SHOWN_IN_A_PAGE)
  const name = `digest-${period.name}.${format}`
  const { content } = digestReport(digest, format, { name, build, runBy: by, names: namesOf(context) })
  return { kind: 'taken', name, content }
}

/** What goes on record of a week. */
export function createFactsReader(context: Context): ReadFacts {
  return async (week) => digestFacts(await read(context, week, NAMED_ON_A_CARD))
}

function read(context: Context, period: Parameters<ReadFacts>[0], shown: number) {
  const findings = ({ from, until }: { readonly from: number; readonly until: number }) =>
    listFindings(context, context.db, { from, to: until })
  return readDigest(context, period, { now: context.clock.now(), shown, findings })
}
