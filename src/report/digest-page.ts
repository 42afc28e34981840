import { chartSvg } from '../cards/chart-svg.ts'
import type { Names } from '../cards/text.ts'
import { utc } from '../domain/conclusion.ts'
import { counted } from '../domain/counted.ts'
import { CHANGED, DIGEST_LISTS, type DigestList, ENDED_BADLY, FOUND, LIST_NAMES } from '../domain/digest-lists.ts'
import { formatDuration } from '../domain/duration.ts'
import { boundaryOf } from '../domain/period.ts'
import type { Chart } from '../ports/chat.ts'
import { type Manifest, madeRows } from './manifest.ts'
import { pageHead, readInside } from './page-head.ts'
import type { Digest, DigestRow } from './read-digest.ts'
import { escapeHtml, inScript } from './shown-text.ts'

const css = readInside('page.css', 'digest-page.css')

/** In the order of the numbers; the first of each pair is what people look for. */
const NUMBERS: readonly (readonly DigestList[])[] = [
  ['asked', 'approved', 'denied', 'unanswered', 'withdrawn'],
  ['granted', 'failed', 'extended'],
  ['ended', 'on-time', 'late', 'unproved'],
  ['alarms', 'undelivered', 'opened'],
]

/** A digest for people, as one file that needs nothing else: what must be looked at first, every number with its list. */
export function digestPage({ digest, json, chart, names, manifest }: Shown): string {
  const { period, counts, conclusion, runAt } = digest
  const when = timesIn(period.timeZone)
  const list = (name: DigestList) => section(digest, name, names, when)
  const isOpen = runAt < period.until
  return `${pageHead({ title: `Digest of ${period.name}`, css, script: null })}
<body>
<main>
<header><span>Countersign</span><span>${escapeHtml(digest.checkpoint?.origin ?? '')}</span></header>
<h1>Digest of <span>${escapeHtml(period.name)}</span></h1>
<p class="line ${conclusion.standing}">${escapeHtml(conclusion.line)}.</p>
<p class="soft">${escapeHtml(boundaryOf(period))}.${isOpen ? ` <strong>The period is not over:</strong> counted until ${escapeHtml(when(runAt))}.` : ''}</p>
<section><h2>Findings</h2>
${numbers(counts.counts, FOUND, 'None open, none new.')}
</section>
<section><h2>What changed</h2>
${numbers(counts.counts, CHANGED, 'Nothing.')}
${digest.policies.map((change) => policyChange(change, names, when)).join('\n')}
</section>
<section><h2>Late, or not proved</h2>
${numbers(counts.counts, ENDED_BADLY, 'Nothing: what ended was on time and seen to be gone.')}
</section>
<section><h2>Break-glass and refusals</h2>
<dl class="numbers">${number(counts.counts, 'break-glass')}${number(counts.counts, 'refused')}</dl>
</section>
<section><h2>Numbers</h2>
${chart === null ? '' : `<figure>${chartSvg(chart)}</figure>`}
<div class="groups">${NUMBERS.map((group) => `<dl class="numbers">${group.map((name) => number(counts.counts, name)).join('')}</dl>`).join('')}</div>
<dl>${[
    row('From asked to approved', `${duration(counts.approveMs)}, median`),
    row('From asked to usable', `${duration(counts.usableMs)}, median`),
    ...(counts.latestMs === 0 ? [] : [row('The latest end', duration(counts.latestMs))]),
  ].join('')}</dl>
</section>
${LIST_NAMES.map(list).join('\n')}
<section><h2>Record</h2>
<dl>${recordRows(digest, when)
    .map(([label, value]) => row(label, value))
    .join('')}</dl>
</section>
<section class="limits"><h2>What this does not show</h2>
<ul>
<li>Each of these events is of Countersign’s own key and unchanged. That none is missing is shown by the check of the whole record and by the witnesses, not by this page</li>
<li>On time means that logins stopped within 5 seconds of the end. What was done with an access is in its evidence</li>
<li>A page can be made to say anything: <code>verify --log</code>, and the evidence of each grant with a key that came by another way, are what proves it</li>
</ul></section>
<section class="about"><h2>About this report</h2>
<dl>${aboutRows({ ...manifest, runBy: named(manifest.runBy, names) })
    .map(([label, value]) => row(label, value))
    .join('')}</dl>
</section>
</main>
<script type="application/json" id="digest">${inScript(json)}</script>
</body>
</html>
`
}

function named(id: string, names: Names): string {
  const name = names(id)
  return name === id ? id : `${name} (${id})`
}

function numbers(counts: Digest['counts']['counts'], lists: readonly DigestList[], none: string): string {
  const some = lists.filter((name) => counts[name] > 0)
  if (some.length === 0) return `<p>${none}</p>`
  return `<dl class="numbers">${some.map((name) => number(counts, name)).join('')}</dl>`
}

function number(counts: Digest['counts']['counts'], name: DigestList): string {
  const count = counts[name]
  const shown = count === 0 ? '0' : `<a href="#list-${name}">${count}</a>`
  return `<div><dt>${DIGEST_LISTS[name]}</dt><dd>${shown}</dd></div>`
}

function section({ counts, rows, period }: Digest, name: DigestList, names: Names, when: When): string {
  const count = counts.counts[name]
  const shown = (rows.get(name) ?? []).toSorted((a, b) => a.at - b.at || (a.leafIndex ?? 0) - (b.leafIndex ?? 0))
  if (count === 0) return ''
  const more = count - shown.length
  const rest =
    more === 0
      ? ''
      : `<p class="soft">${more} more: <code>npm run -s countersign -- digest ${escapeHtml(period.name)} --list ${name} --as &lt;you&gt;</code></p>`
  return `<section id="list-${name}"><h2>${DIGEST_LISTS[name]} <small>${count}</small></h2>
<table><thead><tr><th>When</th><th>What</th><th>By</th><th>Leaf</th></tr></thead><tbody>
${shown.map((one) => listRow(one, names, when)).join('\n')}
</tbody></table>
${rest}
</section>`
}

function listRow({ at, stream, what, whose, note, by, leafIndex }: DigestRow, names: Names, when: When): string {
  const about = [whose === null ? '' : names(whose), what ?? '', note].filter((part) => part !== '').join(' · ')
  const place = stream.replace(/^grant:/, '')
  const who = by.map((id) => names(id)).join(', ')
  return `<tr><td><time datetime="${utc(at)}">${escapeHtml(when(at))}</time></td><td><code>${escapeHtml(place)}</code> ${escapeHtml(about)}</td><td>${escapeHtml(who)}</td><td>${leafIndex ?? 'not sealed'}</td></tr>`
}

function policyChange({ event, policy, by, diff, stewards }: Digest['policies'][number], names: Names, when: When) {
  const who = by === null ? 'the first, by itself' : `by ${names(by)}`
  const lines = stewards.map((line) => `<li>${escapeHtml(line)}</li>`).join('')
  const text =
    diff === null && by === null
      ? 'There was none before it to compare it with.'
      : diff === null
        ? 'Its difference is not on record, or was erased.'
        : diff === ''
          ? 'No difference.'
          : diff
  return `<details${event.seq === 0 ? '' : ' open'}><summary>Policy ${escapeHtml(policy.slice(0, 12))}, ${escapeHtml(who)}, ${escapeHtml(when(event.at))}</summary>
${lines === '' ? '' : `<ul>${lines}</ul>`}<pre dir="ltr">${escapeHtml(text)}</pre></details>`
}

function recordRows({ checkpoint, check, events }: Digest, when: When): [string, string][] {
  return [
    ['Events of the period', `${events}, each read and checked by itself`],
    [
      'Newest checkpoint',
      checkpoint === null
        ? 'no witness confirms one just now'
        : `${checkpoint.size} events under the root ${checkpoint.root}, confirmed by every witness`,
    ],
    ['Newest check of all', check === null ? 'the record was not checked by schedule yet' : checkWords(check, when)],
  ]
}

function checkWords({ ok, at, size, checkpoint, differences }: NonNullable<Digest['check']>, when: When): string {
  const found = ok ? 'whole' : `${counted(differences, 'difference')}: run verify --log`
  return `${found}; ${size} events, witnessed to ${checkpoint}; ${when(at)}`
}

function aboutRows(manifest: Manifest) {
  const { period, runBy, runAt, rows, file } = manifest
  return [
    ...madeRows(manifest),
    ['Period', `${period.from} to ${period.until} (UTC), ${period.zone}; ${period.boundary}`],
    ['Run', `by ${runBy} at ${runAt}`],
    ['Rows', `${rows} events`],
    ['Data inside', `${file.name}, ${file.bytes} bytes, SHA-256 ${file.sha256}`],
  ] as const
}

function row(label: string, value: string): string {
  return `<div><dt>${escapeHtml(label)}</dt><dd dir="auto">${escapeHtml(value)}</dd></div>`
}

function duration(ms: number | null): string {
  if (ms === null) return 'none'
  return ms < 1_000 ? `${Math.round(ms)} ms` : formatDuration(Math.round(ms / 1_000) * 1_000)
}

type When = (at: number) => string

/** `Mon 16 Nov, 09:00:00`, in one zone, which the page names. */
function timesIn(timeZone: string): When {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' },
    timeZone,
  })
  return (at) => format.format(at)
}

interface Shown {
  readonly digest: Digest
  readonly json: string
  readonly chart: Chart | null
  readonly names: Names
  /** Of the JSON inside. */
  readonly manifest: Manifest
}
