import type { ConnectionDetails } from '../ports/connector.ts'

/** `ended`: the grant is over. `failed`: the world is broken, and it may work in a minute. */
export type RefusalCode = 'expired' | 'used' | 'unknown' | 'ended' | 'failed'

const AGAIN = 'Go back to the request in chat and press <b>Show how to connect</b> again.'

const REFUSALS: Readonly<Record<RefusalCode, { title: string; body: string }>> = {
  expired: { title: 'This link has expired', body: `<p>A link is good for 60 seconds. ${AGAIN}</p>` },
  used: {
    title: 'This link has been used',
    body: `<p>It shows how to connect only once. ${AGAIN} You get a new password; the one before stops working.</p>
<p>If it was not you who opened it, do that now, and tell your security team.</p>`,
  },
  unknown: { title: 'There is no such link', body: `<p>It may have been cut off when it was copied. ${AGAIN}</p>` },
  ended: {
    title: 'This access has ended',
    body: '<p>There is nothing left to connect to. Ask again in chat with <code>/access</code>.</p>',
  },
  failed: {
    title: 'That did not work',
    body: `<p>The way to connect could not be made just now. Your access is not affected. Wait a moment, then: ${AGAIN.replace('Go', 'go')}</p>`,
  },
}

/** What a GET shows: nothing that is worth anything. */
export function askPage(): string {
  return page({
    title: 'Show how to connect',
    tone: 'ask',
    body: `<p>A new password is made when you press the button. It is shown to you once and stored nowhere; any earlier one stops working.</p>
<form method="post"><button class="primary" type="submit" autofocus>Show</button></form>`,
    small: 'Make sure that nobody looks over your shoulder or at your shared screen.',
  })
}

export function detailsPage({ fields, command }: ConnectionDetails): string {
  const rows = fields.map(({ label, value, secret }, n) => {
    const code = `<code id="f${n}">${escapeHtml(value)}</code>`
    // A closed <details> hides without a script.
    const shown = secret
      ? `<details><summary><span class="when-closed"><span aria-hidden="true">••••••••••••</span> Show</span><span class="when-open">Hide</span></summary>${code}</details>`
      : code
    return `<div class="field"><dt>${escapeHtml(label)}</dt><dd>${shown}${copyButton(`f${n}`, label)}</dd></div>`
  })
  const line =
    command === null
      ? ''
      : `<div class="over"><h2>Or paste this</h2>${copyButton('command', 'command')}</div>
<pre id="command">${escapeHtml(command)}</pre>`
  return page({
    title: 'How to connect',
    tone: 'shown',
    body: `<dl>${rows.join('\n')}</dl>${line}`,
    small:
      'Shown once. Close this page when you are connected; press <b>Show how to connect</b> in chat for a new password.',
  })
}

export function refusalPage(code: RefusalCode): string {
  return page({ ...REFUSALS[code], tone: 'refused', small: null })
}

/** Hidden until the script, without which it would do nothing, shows it. */
function copyButton(of: string, label: string): string {
  return `<button class="copy" type="button" data-copy="${of}" aria-label="Copy ${escapeHtml(label)}" hidden>Copy</button>`
}

/**
 * A small page of ours.
 * @param parts.scripted whether a script is of use: the one that copies and waits, or the one that is named
 */
export function page({ title, tone, body, small, scripted = true, script = '/reveal/page.js' }: PageParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title} · Countersign</title>
<link rel="stylesheet" href="/reveal/page.css">
${scripted ? `<script src="${script}" defer></script>\n` : ''}</head>
<body>
<main class="${tone}">
<header>Countersign</header>
<h1>${title}</h1>
${body}
${small === null ? '' : `<footer>${small}</footer>`}
</main>
</body>
</html>
`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

interface PageParts {
  title: string
  tone: 'ask' | 'shown' | 'refused'
  /** HTML. */
  body: string
  /** HTML. */
  small: string | null
  scripted?: boolean
  script?: string
}
