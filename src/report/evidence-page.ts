import { hash } from 'node:crypto'
import { type Names, namesIn } from '../domain/conclude-people.ts'
import { type Conclusion, type Part, type Standing, utc } from '../domain/conclusion.ts'
import type { EvidenceFile } from '../record/evidence.ts'
import { keysOf } from '../record/read-hand-overs.ts'
import type { Verdict } from '../record/verify.ts'
import { readPolicies } from './conclude.ts'
import { allInOrder } from './evidence-csv.ts'
import type { MissingEvents } from './evidence-report.ts'
import { type Manifest, madeRows } from './manifest.ts'
import { pageHead, readInside } from './page-head.ts'
import { escapeHtml, inScript } from './shown-text.ts'

const css = readInside('page.css', 'evidence-page.css')
const script = readInside('evidence-page.client.js')

/**
 * Evidence for people, as one file that needs nothing else: to read on a phone, to print, to keep. It carries the JSON
 * evidence, and checks its hashes, proofs and signature again where it is opened. It proves nothing by itself: a page
 * can be made to say anything, so it names the verifier and the key that must come from elsewhere.
 */
export function evidencePage({ file, verdict, conclusion, missing, manifest }: Shown): string {
  const { id = '' } = manifest.parameters
  const title = `Evidence on ${id}`
  return `${pageHead({ title, css, script })}
<body>
<main>
<header><span>Countersign</span><span>${escapeHtml(file.origin)}</span></header>
<h1>Evidence on <span>${escapeHtml(id)}</span></h1>
${conclusion === null ? '' : `<p class="line ${conclusion.standing}">${escapeHtml(conclusion.line)}</p>`}
${atAGlance(conclusion?.parts ?? [])}
<section class="check" id="check" data-state="unchecked">
<h2>Checked where you read it</h2>
<p id="check-says" role="status">Not checked: scripts do not run here. The verifier below needs none.</p>
<ul id="check-list"></ul>
<p class="soft">A page can be made to say anything. <strong>The proof is the verifier, with a key that you got by another way
than this file</strong>: ask for the fingerprint by telephone, and compare.</p>
<p class="soft">Save the evidence from this page, then:</p>
<pre>npm run -s countersign -- verify &lt;file&gt; --key &lt;the key you were given&gt;</pre>
<p id="tools" class="tools" hidden><button type="button" id="save">Save the evidence (JSON)</button>
<label>The key or fingerprint that you were given <input id="given" type="text" autocomplete="off" spellcheck="false"></label>
<span id="given-says" role="status"></span></p>
</section>
${(conclusion?.parts ?? []).map((part) => section(part, conclusion?.line ?? '')).join('\n')}
${notProved([...missing.map(notIn), ...(conclusion?.notProved ?? []), ...verdict.limits])}
<section><h2>Key and checkpoint</h2>
${list([
  ['Key in this file', file.verifierKey],
  ['Its fingerprint', `${fingerprintOf(file.verifierKey)} (SHA-256 of the key's text)`],
  ...keysBefore(file.handOvers ?? []),
  ['Checkpoint', `${verdict.checkpoint?.size ?? 0} events under the root ${verdict.checkpoint?.root ?? ''}`],
  ...verdict.streams.map(({ stream, statement }): Row => [stream, statement]),
  ...verdict.singles.map(
    ({ stream, leafIndex }): Row => [stream, `leaf ${leafIndex} alone; what else its stream holds is not shown`],
  ),
])}
</section>
<section class="fold"><details><summary>Every event, ${allInOrder(verdict).length} of them, in the order of the log</summary>
<table><thead><tr><th>Leaf</th><th>When (UTC)</th><th>Event</th><th>Place</th></tr></thead><tbody>
${allInOrder(verdict).map(eventRow).join('\n')}
</tbody></table></details>
</section>
${verdict.policies.map(policyText).join('\n')}
${aboutSection(manifest, namesIn(readPolicies(verdict.policies)))}
</main>
<script type="application/json" id="evidence">${inScript(JSON.stringify(file))}</script>
<script>${script}</script>
</body>
</html>
`
}

/** What a first reader looks for, with names where the policy's text has them; each stands below again, in its part. */
function atAGlance(parts: readonly Part[]): string {
  const factsIn = (title: string) => parts.find((part) => part.title === title)?.facts ?? []
  const lastFreeze = parts.findLast(({ title }) => title.startsWith('Frozen on '))?.title ?? ''
  const sought: readonly (readonly [title: string, label: string])[] = [
    ...(['For', 'What', 'On', 'How long', 'Why'] as const).map((label) => ['Asked', label] as const),
    ...([
      ['Authorised', 'Approved'],
      ['Given', 'Usable'],
      ['Ended', 'Logins stopped'],
      ['Gone', 'Seen gone'],
      ['Found', 'What was seen'],
      ['Found', 'Target'],
      ['Found', 'Persons whom it is about'],
      ['Settled', 'Fixed'],
      ['Settled', 'Closed'],
      ['Proposed', 'What'],
      ['Proposed', 'By'],
      ['Proposed', 'Why'],
      ['Signed', 'Confirmed'],
      ['Carried out', 'Ended, and seen to be gone'],
      ['Carried out', 'NOT proved to be gone'],
      ['Carried out', 'Done'],
    ] as const),
    ...['On', 'By', 'When', 'Why', 'Lifted'].map((label) => [lastFreeze, label] as const),
  ]
  const rows = sought.flatMap(([title, label]): Row[] => {
    const fact = factsIn(title).find((one) => one.label === label)
    return fact === undefined ? [] : [[label, fact.value]]
  })
  return rows.length === 0 ? '' : `<div id="glance">${list(rows)}</div>`
}

/** To compare a key by telephone, as `key --json` prints it. */
function fingerprintOf(vkey: string): string {
  return hash('sha256', vkey, 'hex')
}

/** Whoever was given one of these follows to the key of the file. */
export function keysBefore(handOvers: Required<EvidenceFile>['handOvers']): Row[] {
  return handOvers.map(({ leafIndex, body }) => [`The key up to leaf ${leafIndex}`, keysOf({ body }).from])
}

type Row = readonly [label: string, value: string]

/** What the first line says already is not said again. */
function section({ title, standing, says, facts }: Part, line: string): string {
  const rows = grouped(facts.map(({ label, value }): Row => [label, value]))
  return `<section class="${standing}"><h2>${escapeHtml(title)} <small>${STANDINGS[standing]}</small></h2>
${says === line || says.toLowerCase() === title.toLowerCase() ? '' : `<p>${escapeHtml(says)}.</p>`}
${rows.length === 0 ? '' : list(rows)}
</section>`
}

/** What stands under the same words, one after the other, is one entry of several lines. */
function grouped(rows: readonly Row[]): Row[] {
  const found: Row[] = []
  for (const [label, value] of rows) {
    const before = found.at(-1)
    if (before?.[0] === label) found[found.length - 1] = [label, `${before[1]}\n${value}`]
    else found.push([label, value])
  }
  return found
}

const STANDINGS: Readonly<Record<Standing, string>> = {
  shown: 'shown by the events',
  open: 'open',
  unclear: 'not shown',
  broken: 'not as it must be',
}

function list(rows: readonly Row[]): string {
  const items = rows.map(([label, value]) => {
    return `<div><dt>${escapeHtml(label)}</dt><dd dir="auto">${escapeHtml(value)}</dd></div>`
  })
  return `<dl>${items.join('\n')}</dl>`
}

function notIn({ stream, from, to }: MissingEvents): string {
  return `events ${from} to ${to} of ${stream}: no witness had confirmed them when this was made. Ask again later`
}

function notProved(all: readonly string[]): string {
  if (all.length === 0) return ''
  return `<section class="limits"><h2>What this does not prove</h2>
<ul>${all.map((what) => `<li>${escapeHtml(what)}</li>`).join('\n')}</ul></section>`
}

function eventRow({ leafIndex, at, type, stream, seq }: Verdict['events'][number]): string {
  const cells = [String(leafIndex), utc(at).replace('T', ' ').replace('Z', ''), type, `${stream} #${seq}`]
  return `<tr data-leaf="${leafIndex}">${cells.map((text) => `<td>${escapeHtml(text)}</td>`).join('')}</tr>`
}

function policyText({ hash: name, text }: Verdict['policies'][number]): string {
  return `<section class="fold"><details><summary>The policy ${name.slice(0, 12)}, as it was in force</summary>
<p class="soft">SHA-256 ${name}</p><pre dir="ltr">${escapeHtml(text)}</pre></details></section>`
}

export function aboutSection(manifest: Manifest, names: Names): string {
  return `<section class="about"><h2>About this report</h2>
${list(aboutRows({ ...manifest, runBy: names(manifest.runBy) }))}
</section>`
}

function aboutRows(manifest: Manifest): Row[] {
  const { period, runBy, runAt, rows, file } = manifest
  return [
    ...madeRows(manifest),
    [
      'Period',
      period.from === null ? 'no events' : `${period.from} to ${period.until}, ${period.zone}; ${period.boundary}`,
    ],
    ['Run', `by ${runBy} at ${runAt}`],
    ['Rows', String(rows)],
    ['Evidence inside', `${file.name}, ${file.bytes} bytes, SHA-256 ${file.sha256}`],
  ]
}

interface Shown {
  readonly file: EvidenceFile
  /** Of this file; every event and text in it was found genuine. */
  readonly verdict: Verdict
  readonly conclusion: Conclusion | null
  readonly missing: readonly MissingEvents[]
  /** Of the JSON evidence inside. */
  readonly manifest: Manifest
}
