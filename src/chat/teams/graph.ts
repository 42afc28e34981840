import type { AccessToken } from './access-token.ts'
import { ConnectorFailure, wordOf } from './connector-failure.ts'

/** Microsoft's own, for a public tenant. */
const GRAPH_URL = 'https://graph.microsoft.com'
const CALL_TIMEOUT_MS = 10_000

/** Microsoft Graph, which is only ever read. It repeats nothing: whoever asked is told when to come back. */
export interface Graph {
  /** @param at a path such as `/teams/…`, or the link to the next page as Graph gave it @throws ConnectorFailure, ChatError */
  get(at: string): Promise<unknown>
}

export function createGraph({ token, graphUrl }: { token: AccessToken; graphUrl: string | null }): Graph {
  const root = `${(graphUrl ?? GRAPH_URL).replace(/\/+$/, '')}/v1.0`
  return {
    async get(at) {
      const url = at.startsWith('/') ? `${root}${at}` : at
      // The token goes nowhere else, whatever a link says.
      if (!url.startsWith(`${root}/`)) throw new ConnectorFailure(400, 'ForeignLink', null)
      const bearer = await token.get()
      let answer: Response
      let body: unknown
      try {
        const signal = AbortSignal.timeout(CALL_TIMEOUT_MS)
        answer = await fetch(url, { redirect: 'error', signal, headers: { authorization: `Bearer ${bearer}` } })
        body = answer.ok ? await answer.json() : await answer.body?.cancel()
      } catch (cause) {
        throw new ConnectorFailure(null, wordOf(cause), null, { cause })
      }
      if (answer.ok) return body
      if (answer.status === 401) token.forget()
      throw new ConnectorFailure(answer.status, '', answer.headers.get('retry-after'))
    },
  }
}
