import { basename } from 'node:path'
import { quote } from '../policy/fault.ts'
import { evidenceReport, REPORT_FORMATS, type ReportFormat } from '../report/evidence-report.ts'
import { readBuild } from '../telemetry/build.ts'
import { openEvidence } from '../workflow/open-evidence.ts'
import { conclusionLines } from './conclusion-lines.ts'
import { readKeptCheckpoints } from './kept-checkpoints.ts'
import { newFiles } from './new-files.ts'
import { population } from './population.ts'
import { type Arguments, UsageWrong } from './read-arguments.ts'
import { readPatience } from './read-patience.ts'
import { DONE, type ExitCode, NO, oneLine, say, sayJson, warn } from './terminal.ts'
import { withSealedRecord } from './with-record.ts'

/**
 * Writes the evidence of one grant, or of all of a period, and beside it a manifest. They hold the reasons that people gave, so the files are
 * for their owner's eyes alone.
 */
export async function evidence(given: Arguments): Promise<ExitCode> {
  const patienceMs = readPatience(given)
  const out = given.value('out')
  const format = readFormat(given)
  const files = out === '' ? null : await newFiles([out, `${out}.manifest.json`])
  try {
    if (given.word(0) === '') return await population(given, format, files)
    requireNone(given)
    const since = (await readKeptCheckpoints(given)).map(({ size }) => size)
    return await withSealedRecord<ExitCode>(async (acting) => {
      const by = given.value('as')
      const opened = await openEvidence(acting, { id: given.word(0), by, patienceMs, since })
      if (files === null) sayJson(opened.file)
      else {
        const { id, missing } = opened
        const about = { id, name: basename(out), build: await readBuild(), runBy: by, missing }
        const report = evidenceReport(opened.file, format, { ...about, runAt: acting.clock.now() })
        await files.write([report.content, `${JSON.stringify(report.manifest, null, 2)}\n`])
        say(`${out} has ${opened.file.events.length} events on ${opened.id}.`)
        for (const line of conclusionLines(report.conclusion, 'short')) say(oneLine(line))
      }
      for (const { stream, from, to } of opened.missing) {
        const which = from === to ? `event ${from}` : `events ${from} to ${to}`
        warn(`Not in it: ${which} of ${stream}, because no witness has confirmed them yet. Ask again later`)
      }
      return opened.missing.length === 0 ? DONE : NO
    })
  } catch (error) {
    await files?.discard()
    throw error
  }
}

/** What selects many says nothing about one. */
function requireNone(given: Arguments): void {
  const odd = ['person', 'target', 'period', 'from', 'to'].find((flag) => given.value(flag) !== '')
  if (odd === undefined && !given.isOn('withhold')) return
  throw new UsageWrong(`--${odd ?? 'withhold'} is for a period. Leave it out, or the id`)
}

function readFormat(given: Arguments): ReportFormat {
  const said = given.value('format') || 'json'
  const format = REPORT_FORMATS.find((one) => one === said)
  if (format === undefined) throw new UsageWrong(`--format ${quote(said)} is none. Write ${REPORT_FORMATS.join(', ')}`)
  if (format !== 'json' && given.value('out') === '') {
    throw new UsageWrong(`--format ${format} needs --out <file>: its manifest is written beside it`)
  }
  return format
}
