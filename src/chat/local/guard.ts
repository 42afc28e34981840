import { timingSafeEqual } from 'node:crypto'
import type { NextFunction, Request, RequestHandler, Response } from 'express'

/** The header in which the page sends back the token of this process. */
const TOKEN_HEADER = 'x-countersign-token'

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[?::1\]?)$/i
/** With a name of its own in this header, a foreign page that rebinds its DNS to 127.0.0.1 gives itself away. */
const LOOPBACK_AUTHORITY = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i

/** A proxy in front makes everybody a reader on this machine, whatever name it was asked under. */
const FORWARDING_HEADERS = ['x-forwarded-for', 'x-forwarded-host', 'forwarded']

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

/** The local chat has no login: whoever reaches it may act as anybody. So it answers on this machine only. */
class NotLoopback extends Error {
  readonly code = 'LOCAL_CHAT_NOT_LOOPBACK'
  override name = 'NotLoopback'
}

/** @throws NotLoopback */
export function requireLoopback(host: string): void {
  if (LOOPBACK.test(host)) return
  throw new NotLoopback(
    `The local chat has no login and listens on this machine only; HOST is ${host}. ` +
      'Set HOST=127.0.0.1, or configure Slack or Teams.',
  )
}

/** For everything the local chat serves: only under a loopback name, with headers that let nothing in from outside. */
export function guardPage(request: Request, response: Response, next: NextFunction): void {
  response.set({
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
  })
  const forwarded = FORWARDING_HEADERS.find((name) => request.headers[name] !== undefined)
  if (forwarded !== undefined) {
    const message = `This came through a proxy (${forwarded}). The page has no login and answers its own machine only: open it there, without the proxy.`
    refuse(response, 'proxied', message)
  } else if (LOOPBACK_AUTHORITY.test(request.headers.host ?? '')) next()
  else refuse(response, 'foreign-host', 'This page answers to localhost, 127.0.0.1 and [::1] only.')
}

/** For what only the page's own scripts may ask for. */
export function guardOrigin(request: Request, response: Response, next: NextFunction): void {
  const site = request.headers['sec-fetch-site']
  const origin = request.headers.origin
  const own = origin === undefined || origin === `http://${request.headers.host}`
  if (own && (site === undefined || site === 'same-origin' || (site === 'none' && request.method === 'GET'))) next()
  else refuse(response, 'foreign-origin', 'Only the page itself may ask for this.')
}

/** For acts. A new process has a new token: the page then fetches it and sends the same act again. */
export function guardToken(token: string): RequestHandler {
  const expected = Buffer.from(token)
  return (request, response, next) => {
    const given = Buffer.from(String(request.headers[TOKEN_HEADER] ?? ''))
    if (given.length === expected.length && timingSafeEqual(given, expected)) next()
    else refuse(response, 'stale-token', 'Countersign was restarted since this page was loaded. Try again.')
  }
}

function refuse(response: Response, code: string, message: string): void {
  response.status(403).json({ error: { code, message, retry: code === 'stale-token' } })
}
