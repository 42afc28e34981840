/** Follows the page's stream as a browser would, and keeps what came. */
export async function readStream(url: string): Promise<StreamReader> {
  const abort = new AbortController()
  const response = await fetch(`${url}/local/stream`, { signal: abort.signal })
  const events: StreamEvent[] = []
  const waiting: (() => void)[] = []
  let ended = false
  const done = follow()

  return {
    events,
    isEnded: () => ended,
    async until(seen) {
      while (!seen(events)) {
        if (ended) throw new Error('the stream ended first')
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
    async close() {
      abort.abort()
      await done
    },
  }

  async function follow(): Promise<void> {
    let rest = ''
    try {
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const blocks = (rest + chunk).split('\n\n')
        rest = blocks.pop() ?? ''
        events.push(...blocks.map(parseEvent))
        wake()
      }
    } catch {
      // Cut off: by the test, or with the server.
    }
    ended = true
    wake()
  }

  function wake(): void {
    for (const resolve of waiting.splice(0)) resolve()
  }
}

export interface StreamReader {
  readonly events: readonly StreamEvent[]
  isEnded(): boolean
  until(seen: (events: readonly StreamEvent[]) => boolean): Promise<void>
  close(): Promise<void>
}

export interface StreamEvent {
  readonly event: string
  readonly data: Record<string, unknown>
}

/** Ids of all messages that came, in the order in which they came. */
export function messageIds(events: readonly StreamEvent[]): string[] {
  return events
    .filter(({ event }) => event === 'messages')
    .flatMap(({ data }) => (data.messages as { id: string }[]).map((message) => message.id))
}

function parseEvent(block: string): StreamEvent {
  const lines = new Map(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  )
  return { event: lines.get('event') ?? '', data: JSON.parse(lines.get('data') ?? 'null') ?? {} }
}
