import { createHash } from 'node:crypto'
import { formatDuration } from '../domain/duration.ts'
import type { Line, Span } from '../ports/chat.ts'
import type { PasskeyPage, UsablePasskey } from '../workflow/show-decision.ts'
import { escapeHtml, page } from './reveal-html.ts'
import { ALGORITHMS } from './webauthn.ts'

type Decision = Extract<PasskeyPage, { kind: 'decision' }>
type Enrolment = Extract<PasskeyPage, { kind: 'enrolment' }>

export type PasskeyRefusal = 'expired' | 'used' | 'unknown' | 'unavailable' | 'malformed' | 'failed'

/** What exactly is being approved, and one button. */
export function decisionPage({ decision, challenge, rpId, passkeys }: Decision): string {
  const { isExtension, durationMs, reason, by, entitlement, description, id } = decision
  const rows: [string, string][] = [
    ['Who asks', by],
    ...(decision.for === by ? [] : [['For', decision.for] as [string, string]]),
    ['What', description === '' ? entitlement : `${entitlement}: ${description}`],
    [isExtension ? 'More time' : 'How long', formatDuration(durationMs)],
    ['Why', reason],
    ['Request', id],
  ]
  const options = {
    challenge: urlForm(challenge),
    rpId,
    userVerification: 'required',
    allowCredentials: passkeys.map(described),
  }
  return page({
    title: isExtension ? 'Approve more time' : 'Approve this access',
    tone: 'ask',
    body: `<dl>${rows.map(row).join('\n')}</dl>
${form('get', options, `Approve as ${decision.approver}`)}`,
    small: 'Your passkey signs exactly this, and the record keeps its signature. To deny it, use the card in chat.',
    script: SCRIPT,
  })
}

export function enrolmentPage({ owner, name, challenge, rpId, passkeys }: Enrolment): string {
  const options = {
    challenge: urlForm(challenge),
    rp: { id: rpId, name: 'Countersign' },
    user: { id: createHash('sha256').update(`countersign:${owner}`).digest('base64url'), name, displayName: name },
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
    excludeCredentials: passkeys.map(described),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
    attestation: 'none',
  }
  return page({
    title: 'Make a passkey',
    tone: 'ask',
    body: `<p>It will sign approvals as <b>${escapeHtml(name)}</b>, on <b>${escapeHtml(rpId)}</b> alone. It counts as soon as
a second person has confirmed that it is yours.</p>
${form('create', options, 'Make a passkey')}`,
    small: 'Use a device that is yours alone, with its fingerprint, face or PIN.',
    script: SCRIPT,
  })
}

/** What came of it, in the words that chat would use. */
export function donePage({ tone, text }: Line): string {
  const refused = tone === 'refused' || tone === 'alarm'
  return page({
    title: refused ? 'Not done' : 'Done',
    tone: refused ? 'refused' : 'shown',
    body: `<p>${text.map(spanHtml).join('')}</p>`,
    small: 'You can close this page.',
    scripted: false,
  })
}

export function passkeyRefusal(code: PasskeyRefusal): { status: number; html: string } {
  const { status, title, body } = REFUSALS[code]
  return { status, html: page({ title, tone: 'refused', body, small: null, scripted: false }) }
}

const SCRIPT = '/passkey/page.js'

/** The browser fills in what the passkey made and sends it as a form: nothing else leaves the page. */
function form(ceremony: 'get' | 'create', options: object, label: string): string {
  return `<form method="post" data-ceremony="${ceremony}" data-options="${escapeHtml(JSON.stringify(options))}">
<input type="hidden" name="passkey" value="">
<button class="primary" type="submit" disabled>${escapeHtml(label)}</button>
</form>
<p class="trouble" role="alert" id="trouble">This page needs scripts and a browser that knows passkeys.</p>`
}

function row([label, value]: [string, string]): string {
  return `<div class="field"><dt>${escapeHtml(label)}</dt><dd dir="auto">${escapeHtml(value)}</dd></div>`
}

function described({ credential, transports }: UsablePasskey) {
  return { type: 'public-key', id: urlForm(credential), transports }
}

function spanHtml(span: Span): string {
  switch (span.kind) {
    case 'text':
    case 'typed':
      return escapeHtml(span.text)
    case 'strong':
      return `<b>${escapeHtml(span.text)}</b>`
    case 'code':
      return `<code>${escapeHtml(span.text)}</code>`
    case 'person':
      return escapeHtml(span.name)
    case 'time':
      return `${new Date(span.at).toISOString().replace('T', ' ').slice(0, 19)} UTC`
    case 'link':
      return escapeHtml(span.text)
    default:
      return span satisfies never
  }
}

function urlForm(base64: string): string {
  return Buffer.from(base64, 'base64').toString('base64url')
}

const AGAIN = 'Go back to the card in chat and press the button again.'

const REFUSALS: Readonly<Record<PasskeyRefusal, { status: number; title: string; body: string }>> = {
  expired: { status: 410, title: 'This link has expired', body: `<p>A link is good for five minutes. ${AGAIN}</p>` },
  used: {
    ...{ status: 410, title: 'This link has been used' },
    body: `<p>It works once. The card in chat says what came of it.</p>
<p>If it was not you who used it, tell your security team: what was done with it is on record.</p>`,
  },
  unknown: {
    ...{ status: 404, title: 'There is no such link' },
    body: `<p>It may have been cut off when it was copied. ${AGAIN}</p>`,
  },
  unavailable: {
    ...{ status: 503, title: 'Passkeys do not work here' },
    body: '<p>They need https and a host with a name. Tell the people who run Countersign to set PUBLIC_URL.</p>',
  },
  malformed: {
    ...{ status: 400, title: 'That was no passkey' },
    body: `<p>What was sent is not what a browser makes of a passkey. Nothing was decided, and the link still works.</p>`,
  },
  failed: {
    ...{ status: 503, title: 'That did not work' },
    body: `<p>Something went wrong on our side. Wait a moment, look at the card in chat, and try the link again.</p>`,
  },
}
