import { basename } from 'node:path'
import { quote } from '../policy/fault.ts'
import { createHandOverReader } from '../record/read-hand-overs.ts'
import { limitOfStart, parseBody, parseVkey, Refused, startsLog } from '../record/verify.ts'
import { createWitnessed, type Witnessed } from '../record/witnessed.ts'
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
import { type Acting, withSealedRecord } from './with-record.ts'

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
      const isPast = given.value('key') !== ''
      const witnessed = isPast ? witnessedUnder(given.value('key').trim(), acting) : acting.witnessed
      const asked = { id: given.word(0), by, patienceMs, since }
      const opened = await openEvidence({ ...acting, witnessed }, asked)
      if (files === null) sayJson(opened.file)
      else {
        const { id, missing } = opened
        const about = { id, name: basename(out), build: await readBuild(), runBy: by, missing }
        const report = evidenceReport(opened.file, format, { ...about, runAt: acting.clock.now() })
        await files.write([report.content, `${JSON.stringify(report.manifest, null, 2)}\n`])
        say(`${out} has ${opened.file.events.length} events on ${opened.id}.`)
        for (const line of conclusionLines(report.conclusion, 'short')) say(oneLine(line))
        for (const { body } of opened.file.events) {
          const event = parseBody(body)
          if (startsLog(event)) warn(`Not proved: ${oneLine(limitOfStart(event))}`)
        }
      }
      for (const { stream, from, to } of opened.missing) {
        const which = from === to ? `event ${from}` : `events ${from} to ${to}`
        const why = isPast ? 'the log of that key ends before' : 'no witness has confirmed them yet. Ask again later'
        warn(`Not in it: ${which} of ${stream}, because ${why}`)
      }
      return opened.missing.length === 0 ? DONE : NO
    })
  } catch (error) {
    await files?.discard()
    throw error
  }
}

/** The log before, whose key is lost: what it had and the witnesses confirmed is proved under that key for ever. @throws UsageWrong */
function witnessedUnder(vkey: string, { witnesses, database }: Acting): Witnessed {
  try {
    const { name } = parseVkey(vkey)
    return createWitnessed(vkey, witnesses, createHandOverReader(database.pools.app, name))
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    throw new UsageWrong(`--key ${quote(vkey)} is no verifier key: ${error.message}`)
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
