import { type Response, Router, urlencoded } from 'express'
import type { BaseLogger } from 'pino'
import { page } from './reveal-html.ts'
import { keptNowhere, TOKEN } from './reveal-page.ts'

export type EvidenceFormat = 'html' | 'json'

/**
 * The page behind `/access evidence`. GET and HEAD only look, so link previews and mail scanners burn nothing; POST
 * hands the file out, once, and that it did is on record first.
 */
export function createEvidenceDoor({ peek, take, log }: EvidenceDoorOptions): Router {
  const router = Router()
  router.use('/evidence', keptNowhere)

  router.get('/evidence/:token', async ({ params: { token } }, response) => {
    await answer(response, async () => {
      const state = TOKEN.test(token) ? await peek(token) : 'unknown'
      if (state === 'valid') response.type('html').send(askPage())
      else refuse(response, state)
    })
  })

  router.post('/evidence/:token', urlencoded({ extended: false, limit: '1kb' }), async (request, response) => {
    await answer(response, async () => {
      const { token } = request.params
      const said = (request.body as { format?: unknown } | undefined)?.format
      const format = said === 'json' ? 'json' : 'html'
      const taken = typeof token === 'string' && TOKEN.test(token) ? await take(token, format) : UNKNOWN
      if (taken.kind === 'refused') return refuse(response, taken.code)
      response.attachment(taken.name).type(format).send(taken.content)
    })
  })

  async function answer(response: Response, run: () => Promise<void>): Promise<void> {
    try {
      await run()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      log.error({ code }, 'evidence could not be handed out')
      refuse(response, code === 'NOTHING_WITNESSED' ? 'not-witnessed' : 'failed')
    }
  }

  return router
}

function refuse(response: Response, code: RefusalCode): void {
  const { status, title, body } = REFUSALS[code]
  response
    .status(status)
    .type('html')
    .send(page({ title, tone: 'refused', body, small: null, scripted: false }))
}

function askPage(): string {
  return page({
    ...{ title: 'All that is on record', tone: 'ask', scripted: false },
    body: `<p>The whole story with its proofs, and the reasons that people gave. That you took it is put on record.</p>
<form method="post">
<p><button class="primary" type="submit" name="format" value="html" autofocus>Save it as a page to read</button></p>
<button class="copy" type="submit" name="format" value="json">Save it for a verifier (JSON)</button>
</form>`,
    small: 'One link, one file. The page holds the file for a verifier too.',
  })
}

const AGAIN = 'Ask again in chat, with <code>/access evidence</code> and the id.'

const REFUSALS: Readonly<Record<RefusalCode, { status: number; title: string; body: string }>> = {
  expired: { status: 410, title: 'This link has expired', body: `<p>A link is good for 60 seconds. ${AGAIN}</p>` },
  used: {
    ...{ status: 410, title: 'This link has been used' },
    body: `<p>It gives one file, once. ${AGAIN}</p>
<p>If it was not you who used it, tell your security team: who took it is on record.</p>`,
  },
  unknown: {
    status: 404,
    title: 'There is no such link',
    body: `<p>It may have been cut off when it was copied. ${AGAIN}</p>`,
  },
  'not-yours': {
    ...{ status: 403, title: 'You may not see this any more' },
    body: '<p>Something changed since the link was made: the request, the policy, or who you are in it.</p>',
  },
  'not-witnessed': {
    ...{ status: 503, title: 'Nothing of it is witnessed yet' },
    body: `<p>Evidence rests on what a witness has confirmed, and none has yet. Wait a moment. ${AGAIN}</p>`,
  },
  failed: {
    ...{ status: 503, title: 'That did not work' },
    body: `<p>The evidence could not be made just now. Wait a moment. ${AGAIN}</p>`,
  },
}

type RefusalCode = 'expired' | 'used' | 'unknown' | 'not-yours' | 'not-witnessed' | 'failed'

const UNKNOWN = { kind: 'refused', code: 'unknown' } as const

export interface EvidenceDoorOptions {
  /** Looks and burns nothing. */
  peek: (token: string) => Promise<'valid' | 'expired' | 'used' | 'unknown'>
  /** Burns the token and makes the file. Throws when that could not be done. */
  take: (token: string, format: EvidenceFormat) => Promise<TakenFile>
  log: Pick<BaseLogger, 'error'>
}

export type TakenFile =
  | { readonly kind: 'taken'; readonly name: string; readonly content: string }
  | { readonly kind: 'refused'; readonly code: 'expired' | 'used' | 'unknown' | 'not-yours' }
