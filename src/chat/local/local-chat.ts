import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import express, { Router } from 'express'
import type { Db } from '../../db/transaction.ts'
import {
  type Account,
  type Card,
  type Chat,
  ChatError,
  type Desk,
  type Destination,
  type Line,
} from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'
import { drawChartAsSvg, readChart } from '../draw-chart.ts'
import { createActs } from './acts.ts'
import { createFeed } from './feed.ts'
import { guardOrigin, guardPage, guardToken, requireLoopback } from './guard.ts'
import { type Completion, directChannel, type LocalPerson } from './local-person.ts'
import { findThreadRoot, insertMessage, LOCAL_PLATFORM, replaceMessage } from './messages.ts'
import type { Panes } from './panes.ts'

const PAGE_FOLDER = fileURLToPath(new URL('./page/', import.meta.url))

export interface LocalChat {
  readonly chat: Chat
  /** Mount at `/`: serves `/`, `/page/…` and `/local/…`, and lets everything else pass. */
  readonly router: Router
  start(): Promise<void>
  /** Ends the open pages' streams and waits for what is in flight. Twice is harmless. */
  stop(): Promise<void>
}

export interface LocalChatOptions {
  readonly db: Db
  readonly clock: Clock
  readonly desk: Desk
  /** The address that the server listens on. */
  readonly host: string
  /** By the policy of the moment: whom the reader can act as, the one who usually asks first. */
  readonly people: () => readonly LocalPerson[]
  /** The first one is shown first. */
  readonly channels: () => readonly string[]
  readonly policyName: string
  /** A whole command that the page offers to try: `/access prod-db 2m fix ledger INC-42`. */
  readonly example: () => string
  /** What this person may write after `/access`. */
  readonly completion: (account: Account) => Promise<readonly Completion[]>
  readonly panes: Panes
  readonly onFault: (what: string, error: unknown) => void
}

/**
 * A chat on one's own machine, with everything that Slack or Teams would bring: the first thing that anybody sees.
 * @throws NotLoopback
 */
export function createLocalChat(options: LocalChatOptions): LocalChat {
  requireLoopback(options.host)
  const { db, clock, desk, people, channels, policyName, example, panes, onFault } = options
  const token = randomBytes(32).toString('base64url')
  const greeting = () => ({
    people: people().map(({ id, name, title, account }) => ({ id, name, title, direct: directChannel(account) })),
    channels: channels(),
    policyName,
    example: example(),
  })
  const feed = createFeed({ db, clock, panes, greeting, onFault })
  const acts = createActs({ desk, people, channels, onFault })
  let turn: Promise<unknown> = Promise.resolve()

  return {
    chat: { platform: LOCAL_PLATFORM, post, update },
    router: createRouter(),
    start: feed.start,
    async stop() {
      await acts.settle()
      await feed.stop()
    },
  }

  async function post(to: Destination, key: string, content: Card | Line) {
    const place = await findPlace(to)
    const ref = await inTurn(() => insertMessage(db, { ...place, key, content, at: clock.now() }))
    await feed.announce()
    return ref
  }

  async function update(ref: { platform: string; channel: string; id: string }, content: Card | Line) {
    const found = ref.platform === LOCAL_PLATFORM && (await inTurn(() => replaceMessage(db, ref, content, clock.now())))
    if (!found) throw new ChatError('not-found', `There is no message ${ref.id} in ${ref.channel}`)
    await feed.announce()
  }

  /** Writers wait for each other, each with a connection: of a process one does, and people who decide have the others. */
  function inTurn<T>(write: () => Promise<T>): Promise<T> {
    const done = turn.then(() => reach(write))
    turn = done.catch(() => undefined)
    return done
  }

  /** Without it one can still type: a failure is the operator's to see. */
  async function completionFor(person: LocalPerson): Promise<readonly Completion[]> {
    try {
      return await options.completion(person.account)
    } catch (error) {
      onFault('local chat: completion failed', error)
      return []
    }
  }

  async function findPlace(to: Destination): Promise<{ channel: string; root: string | null }> {
    switch (to.kind) {
      case 'channel':
        if (channels().includes(to.channel)) return { channel: to.channel, root: null }
        throw new ChatError('not-found', `There is no channel ${to.channel}`)
      case 'person':
        if (people().some((person) => sameAccount(person.account, to.account))) {
          return { channel: directChannel(to.account), root: null }
        }
        throw new ChatError('not-found', `There is nobody with the account ${to.account.id}`)
      case 'thread': {
        const root = to.root.platform === LOCAL_PLATFORM ? await reach(() => findThreadRoot(db, to.root)) : null
        if (root) return { channel: root.channel, root: root.id }
        throw new ChatError('not-found', `There is no message ${to.root.id} in ${to.root.channel}`)
      }
      default:
        return to satisfies never
    }
  }

  function createRouter(): Router {
    const router = Router()
    router.get('/', guardPage, (_request, response) => {
      response.set('Cache-Control', 'no-cache').sendFile('index.html', { root: PAGE_FOLDER })
    })
    router.use('/page', guardPage, express.static(PAGE_FOLDER, { index: false, redirect: false }))
    router.use('/local', guardPage, guardOrigin)
    router.get('/local/stream', (_request, response) => feed.subscribe(response))
    router.get('/local/token', (_request, response) => {
      response.set('Cache-Control', 'no-store').json({ token })
    })
    router.get('/local/chart.svg', (request, response) => {
      const chart = readChart(request.query.of)
      response.set('Cache-Control', 'no-store')
      if (chart === null) response.status(400).end()
      else response.type('svg').send(drawChartAsSvg(chart))
    })
    router.get('/local/completion', async (request, response) => {
      const person = people().find((one) => one.id === request.query.as)
      response.set('Cache-Control', 'no-store').json(person ? await completionFor(person) : [])
    })
    router.use('/local', guardToken(token), acts.router)
    return router
  }
}

/** The key makes a second try harmless, so a lost database is never more than `unreachable`. */
async function reach<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query()
  } catch (cause) {
    if (cause instanceof ChatError) throw cause
    throw new ChatError('unreachable', 'The local chat cannot reach its database', { cause })
  }
}

function sameAccount(a: Account, b: Account): boolean {
  return a.platform === b.platform && a.tenant === b.tenant && a.id === b.id
}
