import { evidenceReport } from '../report/evidence-report.ts'
import type { Build } from '../telemetry/build.ts'
import type { FileFormat, TakenFile } from '../web/file-door.ts'
import type { Context } from '../workflow/context.ts'
import { takeEvidence } from '../workflow/show-evidence.ts'

/** Takes a link to evidence and makes the file that was asked for. */
export async function takeEvidenceFile(
  context: Context,
  build: Build,
  token: string,
  format: FileFormat,
): Promise<TakenFile> {
  const taken = await takeEvidence(context, token)
  if (taken.kind === 'refused') return taken
  const { by, opened } = taken
  const { id, file, missing } = opened
  const name = `evidence-${id}.${format}`
  const about = { id, name, build, runBy: by, runAt: context.clock.now(), missing }
  return { kind: 'taken', name, content: evidenceReport(file, format, about).content }
}
