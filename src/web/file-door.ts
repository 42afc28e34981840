import { type Response, Router, urlencoded } from 'express'
import type { BaseLogger } from 'pino'
import { page } from './reveal-html.ts'
import { keptNowhere, TOKEN } from './reveal-page.ts'

export type DigestFormat = 'html' | 'json'
export type EvidenceFormat = DigestFormat | 'csv'

/**
 * The page behind a link to a file. GET and HEAD only look, so link previews and mail scanners burn nothing; POST
 * hands the file out, once, and that it did is on record first.
 */
function createFileDoor<Format extends EvidenceFormat>(
  door: FileDoor<Format>,
  { peek, take, log }: FileDoorOptions<Format>,
): Router {
  const router = Router()
  router.use(door.path, keptNowhere)

  router.get(`${door.path}/:token`, async ({ params: { token } }, response) => {
    await answer(response, async () => {
      const state = TOKEN.test(token) ? await peek(token) : 'unknown'
      if (state === 'valid') response.type('html').send(askPage(door))
      else refuse(response, state, door)
    })
  })

  router.post(`${door.path}/:token`, urlencoded({ extended: false, limit: '16kb' }), async (request, response) => {
    await answer(response, async () => {
      const { token } = request.params
      const said = (request.body ?? {}) as { readonly format?: unknown; readonly earlier?: unknown }
      const format = door.formats.find((one) => one === said.format) ?? door.formats[0]
      const earlier = door.earlier && typeof said.earlier === 'string' ? said.earlier.trim() : ''
      const taken = typeof token === 'string' && TOKEN.test(token) ? await take(token, format, earlier) : UNKNOWN
      if (taken.kind === 'refused') return refuse(response, taken.code, door)
      response.attachment(taken.name).type(format).send(taken.content)
    })
  })

  async function answer(response: Response, run: () => Promise<void>): Promise<void> {
    try {
      await run()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      log.error({ code }, `${door.path.slice(1)} could not be handed out`)
      refuse(response, typeof code === 'string' ? (FAILURES[code] ?? 'failed') : 'failed', door)
    }
  }

  return router
}

const FAILURES: Readonly<Record<string, RefusalCode>> = {
  NOTHING_WITNESSED: 'not-witnessed',
  POPULATION_TOO_LARGE: 'too-large',
}

function refuse(response: Response, code: RefusalCode, { again }: Pick<FileDoor, 'again'>): void {
  const { status, title, body } = refusalsOf(again)[code]
  response
    .status(status)
    .type('html')
    .send(page({ title, tone: 'refused', body, small: null, scripted: false }))
}

function askPage({ title, about, small, formats, earlier }: Omit<FileDoor, 'path' | 'again'>): string {
  const others = formats.map((format) =>
    format === 'html'
      ? ''
      : `<p><button class="copy" type="submit" name="format" value="${format}">${BUTTONS[format]}</button></p>`,
  )
  return page({
    ...{ title, tone: 'ask', scripted: false },
    body: `<p>${about} That you took it is put on record.</p>
<form method="post">
<p><button class="primary" type="submit" name="format" value="html" autofocus>Save it as a page to read</button></p>
${others.join('\n')}
${earlier ? KEPT : ''}</form>`,
    small,
  })
}

const KEPT = `<details><summary>You kept a checkpoint from chat?</summary>
<p><label>Paste the message, or the note in it. The file then shows that the log continues it: check it with
<code>verify &lt;file&gt; --earlier</code>. <textarea name="earlier" rows="6" spellcheck="false"></textarea></label></p></details>
`

const BUTTONS: Readonly<Record<EvidenceFormat, string>> = {
  html: 'Save it as a page to read',
  json: 'Save it for a machine (JSON)',
  csv: 'Save it as a table (CSV)',
}

const refusalsOf = (again: string): Readonly<Record<RefusalCode, { status: number; title: string; body: string }>> => ({
  expired: { status: 410, title: 'This link has expired', body: `<p>A link is good for 60 seconds. ${again}</p>` },
  used: {
    ...{ status: 410, title: 'This link has been used' },
    body: `<p>It gives one file, once. ${again}</p>
<p>If it was not you who used it, tell your security team: who took it is on record.</p>`,
  },
  unknown: {
    status: 404,
    title: 'There is no such link',
    body: `<p>It may have been cut off when it was copied. ${again}</p>`,
  },
  'not-yours': {
    ...{ status: 403, title: 'You may not see this any more' },
    body: '<p>Something changed since the link was made: the request, the policy, or who you are in it.</p>',
  },
  'not-witnessed': {
    ...{ status: 503, title: 'Nothing of it is witnessed yet' },
    body: `<p>Evidence rests on what a witness has confirmed, and none has yet. Wait a moment. ${again}</p>`,
  },
  'too-large': {
    ...{ status: 413, title: 'That is too much for a link' },
    body: `<p>Ask for a shorter period. Or ask whoever runs Countersign: on the command line, <code>evidence --period</code> writes
any number.</p>`,
  },
  'no-checkpoint': {
    ...{ status: 400, title: 'There is no checkpoint in that' },
    body: `<p>Go back, and paste the whole message from chat, or the note in it: origin, size, root and signature. The link is still
good for its minute.</p>`,
  },
  failed: {
    ...{ status: 503, title: 'That did not work' },
    body: `<p>It could not be made just now. Wait a moment. ${again}</p>`,
  },
})

type RefusalCode = TakenCode | 'not-witnessed' | 'too-large' | 'failed'

type TakenCode = 'expired' | 'used' | 'unknown' | 'not-yours' | 'no-checkpoint'

const UNKNOWN = { kind: 'refused', code: 'unknown' } as const

/** HTML but for the path. */
interface FileDoor<Format extends EvidenceFormat = EvidenceFormat> {
  /** The first is for people, and where nothing else was asked for. */
  readonly formats: readonly [Format, ...Format[]]
  /** Whether a checkpoint that somebody kept may be given along. */
  readonly earlier: boolean
  readonly path: string
  readonly title: string
  readonly about: string
  readonly small: string
  readonly again: string
}

/** The page behind `/access evidence`. */
export function createEvidenceDoor(options: FileDoorOptions<EvidenceFormat>): Router {
  const door: FileDoor = {
    formats: ['html', 'json', 'csv'],
    earlier: true,
    ...{ path: '/evidence', title: 'All that is on record' },
    about: 'The whole story with its proofs, and the reasons that people gave.',
    small: 'One link, one file. The page holds the file for a verifier too.',
    again: 'Ask again in chat, with <code>/access evidence</code>.',
  }
  return createFileDoor(door, options)
}

/** The page behind `/access digest`. */
export function createDigestDoor(options: FileDoorOptions<DigestFormat>): Router {
  const door: FileDoor<DigestFormat> = {
    formats: ['html', 'json'],
    earlier: false,
    ...{ path: '/digest', title: 'What happened' },
    about: 'What must be looked at, what changed, and the list behind every number, with the names of people.',
    small: 'One link, one file. The page holds the numbers for a machine too.',
    again: 'Ask again in chat, with <code>/access digest</code> and the week.',
  }
  return createFileDoor(door, options)
}

interface FileDoorOptions<Format extends EvidenceFormat> {
  /** Looks and burns nothing. */
  peek: (token: string) => Promise<'valid' | 'expired' | 'used' | 'unknown'>
  /**
   * Burns the token and makes the file. Throws when that could not be done.
   * @param earlier what somebody pasted of a checkpoint that they kept, or nothing: the token stays good where it has none
   */
  take: (token: string, format: Format, earlier: string) => Promise<TakenFile>
  log: Pick<BaseLogger, 'error'>
}

export type TakenFile =
  | { readonly kind: 'taken'; readonly name: string; readonly content: string }
  | { readonly kind: 'refused'; readonly code: TakenCode }
