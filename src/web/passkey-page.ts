import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type ErrorRequestHandler, type Response, Router, urlencoded } from 'express'
import type { BaseLogger } from 'pino'
import type { Answer, Line } from '../ports/chat.ts'
import type { Passkeys } from '../ports/passkeys.ts'
import type { PasskeyTicket } from '../secrets/passkey-link.ts'
import type { PasskeyPage } from '../workflow/show-decision.ts'
import { decisionPage, donePage, enrolmentPage, type PasskeyRefusal, passkeyRefusal } from './passkey-html.ts'
import { keptNowhere } from './reveal-page.ts'

const TOKEN = /^[\w-]{43,500}$/
const MOST_BODY = '64kb'

const script = readFileSync(path.join(import.meta.dirname, 'passkey-page.client.js'), 'utf8')

/**
 * The page where an approver's passkey signs one decision, or where somebody makes a passkey. GET and HEAD only look, so
 * link previews and mail scanners burn nothing; POST uses the link up. What has not the form of what a browser brings
 * back is refused before anything runs, and the link stays good.
 */
export function createPasskeyPage({ passkeys, open, show, use, log }: PasskeyPageOptions): Router {
  const router = Router()
  router.use('/passkey', keptNowhere)
  router.get('/passkey/page.js', (_request, response) => void response.type('js').send(script))

  router.get('/passkey/:token', async ({ params: { token } }, response) => {
    await answer(response, async () => {
      const ticket = TOKEN.test(token) ? open(token) : null
      if (ticket === null) return refuse(response, 'unknown')
      const page = await show(token, ticket)
      if (page.kind === 'refused') return refuse(response, page.code)
      response.type('html').send(page.kind === 'decision' ? decisionPage(page) : enrolmentPage(page))
    })
  })

  const form = urlencoded({ extended: false, limit: MOST_BODY, parameterLimit: 4 })
  router.post('/passkey/:token', form, async (request, response) => {
    await answer(response, async () => {
      const { token } = request.params
      const ticket = typeof token === 'string' && TOKEN.test(token) ? open(token) : null
      if (typeof token !== 'string' || ticket === null) return refuse(response, 'unknown')
      const given = readGiven(request.body)
      const isInForm = ticket.kind === 'decision' ? passkeys.nameOf(given) !== null : passkeys.isNew(given)
      if (!isInForm) return refuse(response, 'malformed')
      const line = lineOf(await use(token, ticket, given))
      response
        .status(STATUS[line.tone] ?? 200)
        .type('html')
        .send(donePage(line))
    })
  })

  async function answer(response: Response, run: () => Promise<void>): Promise<void> {
    try {
      await run()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      log.error({ code }, 'a passkey could not be used')
      refuse(response, 'failed')
    }
  }

  router.use('/passkey', ((_error, _request, response, next) => {
    if (response.headersSent) next(_error)
    else refuse(response, 'malformed')
  }) satisfies ErrorRequestHandler)
  return router
}

function refuse(response: Response, code: PasskeyRefusal): void {
  const { status, html } = passkeyRefusal(code)
  response.status(status).type('html').send(html)
}

/** @returns null for what is no JSON */
function readGiven(body: unknown): unknown {
  const said = (body as { readonly passkey?: unknown } | undefined)?.passkey
  if (typeof said !== 'string') return null
  try {
    return JSON.parse(said)
  } catch {
    return null
  }
}

/** What was decided, or why not: the same words as in chat. */
function lineOf(answer: Answer): Line {
  if (answer.kind === 'line') return answer.line
  throw new TypeError(`a passkey was answered with a ${answer.kind}`)
}

const STATUS: Readonly<Partial<Record<Line['tone'], number>>> = { refused: 403, alarm: 503 }

export interface PasskeyPageOptions {
  readonly passkeys: Pick<Passkeys, 'nameOf' | 'isNew'>
  /** What a token says; null for one that we did not make. */
  readonly open: (token: string) => PasskeyTicket | null
  /** Looks and burns nothing. */
  readonly show: (token: string, ticket: PasskeyTicket) => Promise<PasskeyPage>
  /** Burns the link, and does what it is for. */
  readonly use: (token: string, ticket: PasskeyTicket, response: unknown) => Promise<Answer>
  readonly log: Pick<BaseLogger, 'error'>
}
