import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { escapeHtml } from './shown-text.ts'

/** What stands inside a page, from the files beside this one, in their order. */
export function readInside(...names: readonly string[]): string {
  return names.map((name) => readFileSync(path.join(import.meta.dirname, name), 'utf8')).join('')
}

/** Up to the body. Nothing but what stands in the page itself: no address is ever asked. */
export function pageHead({ title, css, script }: { title: string; css: string; script: string | null }): string {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${hash('sha256', css, 'base64')}'`,
    ...(script === null ? [] : [`script-src 'sha256-${hash('sha256', script, 'base64')}'`]),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)} · Countersign</title>
<style>${css}</style>
</head>`
}
