import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Response, Router } from 'express'
import type { BaseLogger } from 'pino'
import type { ConnectionDetails } from '../ports/connector.ts'
import { askPage, detailsPage, type RefusalCode, refusalPage } from './reveal-html.ts'

export const TOKEN = /^[\w-]{43,400}$/
const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const css = readFileSync(path.join(import.meta.dirname, 'reveal-page.css'), 'utf8')
const script = readFileSync(path.join(import.meta.dirname, 'reveal-page.client.js'), 'utf8')

/**
 * The page behind *Show how to connect*. GET and HEAD only look, so link previews and mail scanners burn
 * nothing; POST makes the secret and shows it, once. Nothing is loaded from elsewhere, nothing is kept.
 */
export function createRevealPage({ peek, reveal, log }: RevealPageOptions): Router {
  const router = Router()

  router.use('/reveal', keptNowhere)
  router.get('/reveal/page.css', (_request, response) => void response.type('css').send(css))
  router.get('/reveal/page.js', (_request, response) => void response.type('js').send(script))

  router.get('/reveal/:token', async ({ params: { token } }, response) => {
    await answer(response, async () => {
      const state = TOKEN.test(token) ? await peek(token) : 'unknown'
      return state === 'valid' ? { status: 200, html: askPage() } : refused(state)
    })
  })

  router.post('/reveal/:token', async ({ params: { token } }, response) => {
    await answer(response, async () => {
      const revealed: Revealed = TOKEN.test(token) ? await reveal(token) : { kind: 'refused', code: 'unknown' }
      if (revealed.kind === 'refused') return refused(revealed.code)
      return { status: 200, html: detailsPage(revealed.details) }
    })
  })

  async function answer(response: Response, run: () => Promise<Page>): Promise<void> {
    let page: Page
    try {
      page = await run()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      log.error({ code }, 'how to connect could not be shown')
      page = refused('failed')
    }
    response.status(page.status).type('html').send(page.html)
  }

  return router
}

/** For what is shown once: kept nowhere, framed by nobody, and with nothing from elsewhere. */
export function keptNowhere(_request: unknown, response: Response, next: () => void): void {
  response.set({
    'Cache-Control': 'no-store',
    'Content-Security-Policy': POLICY,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'X-Robots-Tag': 'noindex, nofollow, noarchive',
  })
  next()
}

function refused(code: RefusalCode): Page {
  const status = { expired: 410, used: 410, unknown: 404, ended: 410, failed: 503 }[code]
  return { status, html: refusalPage(code) }
}

interface Page {
  status: number
  html: string
}

export interface RevealPageOptions {
  /** Looks and burns nothing. */
  peek: (token: string) => Promise<'valid' | 'expired' | 'used' | 'unknown'>
  /** Burns the token and makes the secret. Throws when that could not be done. */
  reveal: (token: string) => Promise<Revealed>
  log: Pick<BaseLogger, 'error'>
}

export type Revealed =
  | { readonly kind: 'shown'; readonly details: ConnectionDetails }
  | { readonly kind: 'refused'; readonly code: Exclude<RefusalCode, 'failed'> }
