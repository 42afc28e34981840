import { randomUUID } from 'node:crypto'
import { TEAM } from './fake-slack.ts'
import type { SlackUser } from './slack-user.ts'

/** What Slack tells an app of what people do under a message, in the shapes of its own samples. */
export function createThreadTalk(send: SlackUser['send'], channel = 'C0ACCESS'): ThreadTalk {
  const tell = async (event: object) => {
    const id = `Ev${randomUUID().slice(0, 8)}`
    const envelope = {
      type: 'event_callback',
      event_id: id,
      event_time: 1_700_000_000,
      api_app_id: 'A0',
      team_id: TEAM,
    }
    const body = JSON.stringify({ ...envelope, event: { type: 'message', channel, channel_type: 'channel', ...event } })
    const response = await send(body, { type: 'application/json' })
    if (response.status !== 200) throw new Error(`Slack was answered ${response.status}`)
  }
  return {
    tell,
    write: ({ ts, root, user, text }, more = {}) =>
      tell({ ts, event_ts: ts, ...(root !== null && { thread_ts: root }), user, text, team: TEAM, ...more }),
    edit: ({ ts, root, user, text }, before, edited) =>
      tell({
        ...{ subtype: 'message_changed', hidden: true, ts: edited, event_ts: edited },
        message: { type: 'message', user, text, ts, thread_ts: root, team: TEAM, edited: { user, ts: edited } },
        previous_message: { type: 'message', user, text: before, ts, thread_ts: root, team: TEAM },
      }),
    remove: ({ ts, root, user, text }) =>
      tell({
        ...{ subtype: 'message_deleted', hidden: true, deleted_ts: ts, ts: '1800000900.000100', event_ts: ts },
        previous_message: { type: 'message', user, text, ts, thread_ts: root, team: TEAM },
      }),
  }
}

export interface Wrote {
  readonly ts: string
  readonly root: string | null
  readonly user: string
  readonly text: string
}

export interface ThreadTalk {
  tell(event: object): Promise<void>
  write(message: Wrote, more?: object): Promise<void>
  /** @param edited when, as Slack writes it */
  edit(message: Wrote, before: string, edited: string): Promise<void>
  remove(message: Wrote): Promise<void>
}
