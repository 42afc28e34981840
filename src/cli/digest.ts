import { basename } from 'node:path'
import { CHANGED, DIGEST_LISTS, type DigestList, ENDED_BADLY, FOUND, LIST_NAMES } from '../domain/digest-lists.ts'
import { boundaryOf } from '../domain/period.ts'
import { didYouMean } from '../policy/did-you-mean.ts'
import { quote } from '../policy/fault.ts'
import { DIGEST_CSV_HEAD, digestCsv } from '../report/digest-csv.ts'
import { type DigestAbout, digestReport, listManifest, SHOWN_IN_A_PAGE } from '../report/digest-report.ts'
import { type Digest, readDigest } from '../report/read-digest.ts'
import { readBuild } from '../telemetry/build.ts'
import { listFindings } from '../workflow/find-findings.ts'
import { openDigest } from '../workflow/open-digest.ts'
import { newFiles } from './new-files.ts'
import { type Arguments, UsageWrong } from './read-arguments.ts'
import { DONE, type ExitCode, instant, oneLine, say } from './terminal.ts'
import { withSealedRecord } from './with-record.ts'

/** Says what happened in a week, or writes it as a page; with `--list` every line of one of its numbers, as CSV. */
export async function digest(given: Arguments): Promise<ExitCode> {
  const list = readList(given)
  const out = given.value('out')
  const files = out === '' ? null : await newFiles([out, `${out}.manifest.json`])
  try {
    return await withSealedRecord<ExitCode>(async (acting) => {
      const by = given.value('as')
      const { period, policy } = await openDigest(acting, { said: given.word(0), by })
      const names = (id: string) => policy.people.find((one) => one.id === id)?.name ?? id
      const about = { name: basename(out), build: await readBuild(), runBy: by, names }
      const lines: string[] = list === null ? [] : [DIGEST_CSV_HEAD]
      const read = await readDigest(acting, period, {
        ...{ now: acting.clock.now(), shown: list === null ? SHOWN_IN_A_PAGE : 0 },
        findings: ({ from, until }) => listFindings(acting, acting.db, { from, to: until }),
        ...(list !== null && {
          each: async (rows) => void lines.push(digestCsv(rows.filter((row) => row.list === list))),
        }),
      })
      const { content, manifest } =
        list === null
          ? digestReport(read, given.isOn('json') ? 'json' : 'html', about)
          : listOf(read, list, lines.join(''), about)
      if (files !== null) {
        await files.write([content, `${JSON.stringify(manifest, null, 2)}\n`])
        say(`${out}: ${oneLine(read.conclusion.line)}.`)
      } else if (list !== null || given.isOn('json')) process.stdout.write(content)
      else for (const line of linesOf(read)) say(oneLine(line))
      return DONE
    })
  } catch (error) {
    await files?.discard()
    throw error
  }
}

function listOf(read: Digest, list: DigestList, content: string, about: DigestAbout) {
  return { content, manifest: listManifest(read, list, { ...about, content }) }
}

/** @throws UsageWrong */
function readList(given: Arguments): DigestList | null {
  const said = given.value('list')
  if (said === '') return null
  if (given.isOn('json')) throw new UsageWrong('A list is CSV. Leave --json out')
  const found = LIST_NAMES.find((name) => name === said)
  if (found !== undefined) return found
  throw new UsageWrong(
    `${quote(said)} is no list. ${didYouMean(said, LIST_NAMES, `There are ${LIST_NAMES.join(', ')}`)}`,
  )
}

function linesOf({ period, counts, conclusion, policies, checkpoint, check, events }: Digest): string[] {
  const number = (name: DigestList) =>
    `  ${String(counts.counts[name]).padStart(6)}  ${name.padEnd(16)}  ${DIGEST_LISTS[name]}`
  const some = (lists: readonly DigestList[]) => lists.filter((name) => counts.counts[name] > 0).map(number)
  const others = LIST_NAMES.filter((name) => ![...FOUND, ...CHANGED, ...ENDED_BADLY].includes(name))
  return [
    `${period.name}: ${conclusion.line}.`,
    `${boundaryOf(period)}.`,
    ...group('Findings', some(FOUND)),
    ...group('What changed', some(CHANGED)),
    ...policies.map(
      ({ policy, by, event }) => `  policy ${policy.slice(0, 12)} by ${by ?? 'itself'} at ${instant(event.at)}`,
    ),
    ...group('Late, or not proved', some(ENDED_BADLY)),
    'Numbers: each is the length of a list, which --list <name> prints',
    ...others.map(number),
    `${events} events of the period, each read and checked by itself.`,
    checkpoint === null
      ? 'No witness confirms a checkpoint just now.'
      : `Newest checkpoint: ${checkpoint.size} events under the root ${checkpoint.root}.`,
    check === null
      ? 'The record was not checked by schedule yet.'
      : `Newest check of all: ${check.ok ? 'whole' : `${check.differences} differences: verify --log`}, ${check.size} events, at ${instant(check.at)}.`,
  ]
}

function group(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [`${title}: nothing.`] : [`${title}:`, ...lines]
}
