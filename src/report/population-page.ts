import { hash } from 'node:crypto'
import { type Names, namesIn, targetNamesIn } from '../domain/conclude-people.ts'
import { concludePopulation } from '../domain/conclude-population.ts'
import { type Standing, utc, worst } from '../domain/conclusion.ts'
import { formatDuration } from '../domain/duration.ts'
import { keptByInWords } from '../domain/independence.ts'
import { boundaryOf } from '../domain/period.ts'
import type { PopulationRow } from '../domain/population-row.ts'
import { readPolicies } from './conclude.ts'
import { aboutSection, keysBefore } from './evidence-page.ts'
import type { Manifest } from './manifest.ts'
import { pageHead, readInside } from './page-head.ts'
import type { PopulationAbout } from './population-report.ts'
import { escapeHtml } from './shown-text.ts'

const css = readInside('page.css', 'evidence-page.css', 'population-page.css')
const script = readInside('evidence-page.client.js', 'population-page.client.js')

/** Up to where the evidence stands, which may be long: what it comes to, each grant with its own line, and what is not proved. */
export function pageBefore(about: PopulationAbout): string {
  const { plan, period, rows } = about
  const { verifierKey, handOvers } = plan.keys
  const { checkpoint } = plan.checkpoint
  const { person, target } = plan.of
  const known = readPolicies(about.policies)
  const names = namesIn(known)
  const title = [person === null ? [] : names(person), target ?? []].flat().join(' on ') || 'everybody'
  const on = target === null ? '' : targetNamesIn(known)(target)
  const { line, standing } = concludePopulation(rows)
  const checks = [
    ['Key in this file', verifierKey],
    ['Its fingerprint', `${hash('sha256', verifierKey, 'hex')} (SHA-256 of the key's text)`],
    ...keysBefore(handOvers),
    ['Checkpoint', `${checkpoint.size} events under the root ${checkpoint.root.toString('base64')}`],
    ...keepers(rows),
    [
      'Looked through',
      `leaves ${plan.range.first} to ${plan.range.end - 1}: an hour more than the period on both sides`,
    ],
  ] as const
  return `${pageHead({ title: `Evidence on ${title}, ${period.name}`, css, script })}
<body>
<main>
<header><span>Countersign</span><span>${escapeHtml(checkpoint.origin)}</span></header>
<h1>Evidence on <span>${escapeHtml(title)}</span>, <span>${escapeHtml(period.name)}</span></h1>
<p class="line ${about.withheld ? worst([standing, 'unclear']) : standing}">${escapeHtml(line).replace(/G-[0-9A-Z]{6}/g, '<span>$&</span>')}${
    about.withheld ? '; not shown that none is missing' : ''
  }</p>
<p class="soft">Every request of the period${on === (target ?? '') ? '' : ` on ${escapeHtml(on)}`}, and the access that came of it. The period is
${escapeHtml(boundaryOf(period))}. What counts is when it was asked for.</p>
${checkSection()}
<section><h2>Each of them <small>${rows.length}</small></h2>
<p id="paging" class="paging" hidden><button type="button" id="before">Earlier</button> <span id="page" role="status"></span>
<button type="button" id="after">Later</button> <label><input type="checkbox" id="odd"> only what is not in order</label></p>
<table class="wide"><thead><tr><th>Grant</th><th>Asked (UTC)</th><th>What</th><th>Signed by</th><th>Came to</th><th>Leaves</th></tr></thead>
<tbody id="rows">
${rows.map((row) => rowOf(row, names)).join('\n')}
</tbody></table>
</section>
<section class="limits"><h2>What this does not prove</h2>
<ul>${notProved(about)
    .map((what) => `<li>${escapeHtml(what)}</li>`)
    .join('\n')}</ul></section>
<section><h2>Key and checkpoint</h2>
<dl>${checks.map(([label, value]) => `<div><dt>${label}</dt><dd>${escapeHtml(value)}</dd></div>`).join('\n')}</dl>
</section>
<script type="application/json" id="evidence">`
}

/** What comes behind the evidence. @param manifest of the evidence inside */
export function pageAfter(manifest: Manifest, policies: PopulationAbout['policies']): string {
  return `</script>
${aboutSection(manifest, namesIn(readPolicies(policies)))}
</main>
<script>${script}</script>
</body>
</html>
`
}

/** Of those of which access came, as each was when it began. */
function keepers(rows: readonly PopulationRow[]): (readonly [string, string])[] {
  const given = rows.filter(({ given: isGiven }) => isGiven)
  if (given.length === 0) return []
  const uses = Map.groupBy(given, ({ keptBy }) => keptByInWords(keptBy) || 'these events do not say where else')
  return [['Kept by', [...uses].map(([words, some]) => `${words}: ${some.length} of ${given.length} given`).join('\n')]]
}

function checkSection(): string {
  return `<section class="check" id="check" data-state="unchecked">
<h2>Checked where you read it</h2>
<p id="check-says" role="status">Not checked: scripts do not run here. The verifier below needs none.</p>
<ul id="check-list"></ul>
<p class="soft">A page can be made to say anything. <strong>The proof is the verifier, with a key that you got by another way
than this file</strong>: ask for the fingerprint by telephone, and compare. It also says whether a request is missing.</p>
<p class="soft">Save the evidence from this page, then:</p>
<pre>npm run -s countersign -- verify &lt;file&gt; --key &lt;the key you were given&gt;</pre>
<p id="tools" class="tools" hidden><button type="button" id="save">Save the evidence (JSON)</button>
<label>The key or fingerprint that you were given <input id="given" type="text" autocomplete="off" spellcheck="false"></label>
<span id="given-says" role="status"></span></p>
</section>`
}

function rowOf(row: PopulationRow, names: Names): string {
  const who = row.for === row.by ? names(row.by) : `${names(row.for)}, asked by ${names(row.by)}`
  const cells: [text: string, small: string][] = [
    [row.grant, who],
    [utc(row.askedAt).replace('T', ' ').slice(0, 19), ''],
    [
      `${row.target}:${row.entitlement}`,
      `${formatDuration(row.durationMs)}${row.reason === '' ? '' : `: ${row.reason}`}`,
    ],
    [row.signedBy.map((one) => one.replace(/^\S+/, names)).join(', ') || 'nobody', ''],
    [row.line, row.standing === 'shown' ? '' : STANDINGS[row.standing]],
    [`${row.firstLeaf} to ${row.lastLeaf}`, row.closed ? 'closed' : 'not closed'],
  ]
  const texts = cells.map(([text, small]) => {
    return `<td dir="auto">${escapeHtml(text)}${small === '' ? '' : `<small>${escapeHtml(small)}</small>`}</td>`
  })
  return `<tr class="${row.standing}" data-leaf="${row.firstLeaf}">${texts.join('')}</tr>`
}

const STANDINGS: Readonly<Record<Standing, string>> = {
  shown: '',
  open: 'open',
  unclear: 'not shown',
  broken: 'NOT as it must be',
}

function notProved({ plan, withheld, period, rows }: PopulationAbout): string[] {
  const clicks = rows.filter(({ signedBy }) => signedBy.some((one) => one.endsWith('(click-only)'))).length
  return [
    ...(withheld
      ? ['that none is missing: what is not of this selection is withheld from this file, and may hold more of it']
      : []),
    ...(plan.range.end === plan.checkpoint.checkpoint.size && !withheld
      ? ['that the period is whole: see what the check says of the end of the log']
      : []),
    ...plan.limits,
    `what was asked for before ${utc(period.from)} and ran into the period: it is in the population before`,
    'what was done with each access, and what was said of it in chat: that is in the evidence of the grant',
    ...(clicks === 0
      ? []
      : [`the hand: in ${clicks} of them somebody decided by a click, bound to a chat account and not to a person`]),
    'whoever holds the signing and MAC keys could have added events; they cannot change what a witness has seen, nor take out one of these',
    'the times are those of the clock of the database of Countersign, not of a time-stamping authority',
    'what else is not proved of a grant, the evidence of that grant says: take a sample, and ask for each by its id',
  ]
}
