import type { Response } from 'express'
import type { Db } from '../../db/transaction.ts'
import type { Clock } from '../../ports/clock.ts'
import { readMessagesAfter, readNewestMessages, readNewestVersion } from './messages.ts'
import type { Panes } from './panes.ts'

/** Woken by NOTIFY; and should that be lost, or not pass a pooler, by looking. */
const LOOK_EVERY_MS = 1000
/** A page that hears nothing for longer than two of these reconnects. */
const TICK_EVERY_LOOKS = 10
const NOTIFY_CHANNEL = 'local_chat'
/** A reader who takes nothing in is cut off and starts afresh. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024

/** Server-sent events to every open page: first everything, then what changes, whichever replica changed it. */
export interface Feed {
  /** Takes the response over until it closes. */
  subscribe(response: Response): void
  /** Tells all replicas that something was posted. Called after the commit. */
  announce(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

export function createFeed(options: FeedOptions): Feed {
  const { db, clock, panes, greeting, onFault } = options
  const readers = new Set<Response>()
  const shown = { target: '', record: '' }
  const reading = { target: false, record: false }
  let version = 0
  let turn: Promise<void> = Promise.resolve()
  let pullIsWaiting = false
  let looks = 0
  let cancelLook: (() => void) | null = null
  let unlisten: (() => Promise<void>) | null = null
  let stopped = false

  return { subscribe, announce, start, stop }

  async function start(): Promise<void> {
    version = await readNewestVersion(db)
    try {
      unlisten = (await db.listen(NOTIFY_CHANNEL, pull, pull)).unlisten
    } catch (error) {
      onFault('local chat: no notifications, so other replicas are only looked at once a second', error)
    }
  }

  async function stop(): Promise<void> {
    if (stopped) return
    stopped = true
    cancelLook?.()
    for (const reader of readers) reader.end()
    readers.clear()
    await turn
    await unlisten?.().catch((error: unknown) => onFault('local chat: could not stop listening', error))
  }

  async function announce(): Promise<void> {
    try {
      await db`select pg_notify(${NOTIFY_CHANNEL}, '')`
    } catch (error) {
      onFault('local chat: a post is announced late', error)
    }
    pull()
  }

  function subscribe(response: Response): void {
    response.status(200).set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    response.flushHeaders()
    if (stopped) {
      response.end()
      return
    }
    response.on('close', () => readers.delete(response))
    // In turn with `pull`: what is committed after this read is pulled after it, so nothing falls between.
    inTurn(
      async () => {
        const messages = await readNewestMessages(db)
        send(response, 'hello', { ...greeting(), now: clock.now() })
        send(response, 'messages', { whole: true, messages })
        // What was shown to the last reader may be long past: better nothing for a moment.
        if (readers.size === 0) Object.assign(shown, { target: '', record: '' })
        if (shown.target) write(response, shown.target)
        if (shown.record) write(response, shown.record)
        if (response.writable && !stopped) readers.add(response)
        look()
      },
      () => [response],
    )
  }

  /** Looks, and looks again later for as long as somebody reads. */
  function look(): void {
    cancelLook?.()
    cancelLook = null
    if (stopped || readers.size === 0) return
    looks += 1
    if (looks % TICK_EVERY_LOOKS === 0) broadcast(eventText('tick', { now: clock.now() }))
    pull()
    refreshPane('target')
    refreshPane('record')
    cancelLook = clock.runAt(clock.now() + LOOK_EVERY_MS, look)
  }

  function pull(): void {
    if (pullIsWaiting || stopped) return
    pullIsWaiting = true
    inTurn(
      async () => {
        pullIsWaiting = false
        const messages = await readMessagesAfter(db, version)
        if (messages.length === 0) return
        version = messages.at(-1)?.version ?? version
        broadcast(eventText('messages', { whole: false, messages }))
        if (readers.size > 0) {
          refreshPane('target')
          refreshPane('record')
        }
      },
      () => [...readers],
    )
  }

  function refreshPane(name: 'target' | 'record'): void {
    if (reading[name]) return
    reading[name] = true
    panes[name]()
      .catch((error: unknown) => {
        if (shown[name] !== eventText(name, null)) onFault(`local chat: the ${name} pane cannot be read`, error)
        return null
      })
      .then((pane) => {
        reading[name] = false
        const text = eventText(name, pane)
        if (text === shown[name]) return
        shown[name] = text
        broadcast(text)
      })
      .catch((error: unknown) => onFault(`local chat: the ${name} pane cannot be shown`, error))
  }

  /**
   * One after the other. A failure ends the readers whom it was for: the page then says that what it shows may be old,
   * reconnects and starts afresh.
   */
  function inTurn(task: () => Promise<void>, affected: () => Iterable<Response>): void {
    turn = turn.then(task).catch((error: unknown) => {
      onFault('local chat: messages cannot be read', error)
      for (const reader of affected()) reader.end()
    })
  }

  function broadcast(text: string): void {
    for (const reader of readers) write(reader, text)
  }

  function send(response: Response, event: string, data: unknown): void {
    write(response, eventText(event, data))
  }

  function write(response: Response, text: string): void {
    if (response.writableLength > MAX_UNSENT_BYTES) response.destroy()
    else if (response.writable) response.write(text)
  }
}

export interface FeedOptions {
  readonly db: Db
  readonly clock: Clock
  readonly panes: Panes
  /** What a page needs to know once: people, channels, names. */
  /** What a page is told first, at the moment that it opens. */
  readonly greeting: () => Readonly<Record<string, unknown>>
  readonly onFault: (what: string, error: unknown) => void
}

/** JSON has no raw line break, so one `data:` line holds it. */
function eventText(event: string, data: unknown): string {
  return `event: ${event}\nretry: 1000\ndata: ${JSON.stringify(data)}\n\n`
}
