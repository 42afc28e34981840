import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BothHouse, openBothHouse } from '../chat/both-house.ts'
import { directOf } from '../chat/slack/fake-slack.ts'
import { readBlocks } from '../chat/slack/read-blocks.ts'
import { userOf } from '../chat/slack/slack-house.ts'
import { CHANNEL, TENANT } from '../chat/teams/fake-teams.ts'
import { readCard } from '../chat/teams/read-card.ts'
import { objectIdOf } from '../chat/teams/start-teams-chat.ts'
import { until } from '../support/house.ts'
import { createLightTarget } from '../support/light-connector.ts'
import { rounds } from './arena.ts'
import { racePolicy } from './race-policy.ts'
import { openRecordOf, type RecordOf } from './record-of.ts'

/*
 * Approve in Slack and Deny in Teams at the same instant, on three processes, through the doors of both platforms. The
 * fakes keep their limits, in a time lapse that the processes know of.
 */
const ROUNDS = 200
const AT_ONCE = 6
const TIMES = 50

const LATER = /^$|Still working on it/

let it_: BothHouse
let record: RecordOf
const engineers = Array.from({ length: ROUNDS }, (_, n) => `e${n}`)

beforeAll(async () => {
  // Whoever asks is in Teams alone: what they hear of it would only make the race longer.
  const policy = racePolicy({ pendingFor: '1h', engineers: ROUNDS }).replaceAll(
    /\{ local: (e\d+) \}/g,
    (_, name: string) => `{ teams: ${TENANT}/${objectIdOf(name)} }`,
  )
  const names = ['marcus', 'olga', 'carla', ...engineers]
  it_ = await openBothHouse({ policy, names, replicas: 3, times: TIMES, settings: { LIGHT_TARGET: 'light' } })
  await createLightTarget(it_.house.db)
  record = await openRecordOf(it_.house)
  // Where they are told from now on; and no process answers its first act in the race.
  for (const { slack, teams } of it_.replicas) {
    await teams.command('olga', 'prod-db soon to be heard in Teams')
    await slack.command(userOf('marcus'), 'prod-db soon to be heard in Slack')
  }
})
afterAll(() => it_?.close())

it('one outcome, and both cards and both people agree on it', async () => {
  const played = await rounds(ROUNDS, AT_ONCE, async (round) => {
    const [one, two, three] = [replicaOf(round), replicaOf(round + 1), replicaOf(round + 2)]
    const id = await until(`e${round} has asked`, async () => {
      await one.teams.command(`e${round}`, `light 1h race ${round}`).catch(() => null)
      return requestOf(`e${round}`)
    })
    const pressed = { request: id, revision: 1 }
    const opened = await until('Olga has the form', async () => {
      const form = await three.teams.openForm('olga', { action: 'deny', ...pressed })
      return form.title === 'Deny the request' && form
    })
    const [approved, denied] = await Promise.all([
      recorded(() => two.slack.press(userOf('marcus'), 'approve', `1 ${id}`)),
      recorded(() => three.teams.submit('olga', { ...dataOf(opened.card), 'field:reason': 'not now' })),
    ])
    return { id, approved: approved.words, denied: denied.words }
  })
  await quiet()
  const [slack, teams] = [slackWords(), teamsWords()]
  const refused = await refusals()
  const outcomes = { approved: 0, denied: 0, answeredLater: 0 }
  for (const { id, approved, denied } of played) {
    const events = await record.eventsOf(id)
    const decided = events.filter(({ type }) => type === 'request.approved' || type === 'request.denied')
    expect(decided, id).toHaveLength(1)
    const isApproved = decided[0]?.type === 'request.approved'
    outcomes[isApproved ? 'approved' : 'denied'] += 1
    expect(refused.get(id), id).toEqual([[isApproved ? 'olga' : 'marcus', 'already-decided']])
    // On a busy machine the answer follows later, and is not read here.
    const answers: [string, RegExp][] = [
      [approved, isApproved ? /Approved\. Access is being given/ : /Too late: it was denied by Olga/],
      [denied, isApproved ? /Too late: it was approved by Marcus/ : /Denied/],
    ]
    for (const [answer, words] of answers) {
      if (LATER.test(answer)) outcomes.answeredLater += 1
      else expect(answer).toMatch(words)
    }
    const [agreed, other] = isApproved ? [/Approved by:?\s+Marcus/, /Denied by/] : [/Denied by:?\s+Olga/, /Approved by/]
    const cards = [slack.cards(id), teams.cards(id), slack.toldIn('marcus', id), teams.toldIn('olga', id)]
    for (const found of cards) {
      expect(found, id).toHaveLength(1)
      expect(found[0]).toMatch(agreed)
      expect(found[0]).not.toMatch(other)
      expect(found[0]).not.toMatch(/^Approve$/m)
    }
    expect([slack.toldIn('olga', id), teams.toldIn('marcus', id)]).toEqual([[], []])
  }
  expect(Math.min(outcomes.approved, outcomes.denied), JSON.stringify(outcomes)).toBeGreaterThan(0)
  expect(outcomes.answeredLater, 'some are read here').toBeLessThan(2 * played.length)
  expect(await record.verify()).toMatchObject({ ok: true, differences: [] })
  expect(it_.replicas.flatMap(({ log }) => log.filter((line) => /an act failed|unhandled/i.test(line)))).toEqual([])
})

function replicaOf(n: number): BothHouse['first'] {
  return it_.replicas[n % it_.replicas.length] ?? it_.first
}

/** A busy machine may say that nothing was recorded: then one does it again. */
async function recorded<T extends { readonly words: string }>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await act()
    if (!/not recorded|try again/i.test(answer.words)) return answer
  }
}

/** Who tried what was decided already, by request: in its stream, or after it where it is closed. */
async function refusals(): Promise<Map<string, [unknown, unknown][]>> {
  const rows = await it_.house.db<{ stream: string; body: string }[]>`
    select stream, body from event where type = 'act.refused' order by at`
  const found = new Map<string, [unknown, unknown][]>()
  for (const { stream, body } of rows) {
    const id = /grant:(G-[0-9A-Z]{6})$/.exec(stream)?.[1] ?? ''
    const { by, code } = (JSON.parse(body) as { data: { by: unknown; code: unknown } }).data
    found.set(id, [...(found.get(id) ?? []), [by, code]])
  }
  return found
}

async function requestOf(name: string): Promise<string | undefined> {
  const [row] = await it_.house.db<{ id: string }[]>`select id from grant_state where by_identity = ${name}`
  return row?.id
}

async function quiet(): Promise<void> {
  await until('everything is told and sealed', async () => {
    const [left] = await it_.house.db<{ jobs: number; pending: number }[]>`
        select (select count(*)::int from pgboss.job_common where state in ('created', 'retry', 'active')) as jobs,
          (select count(*)::int from event_pending) as pending`
    return left !== undefined && left.jobs + left.pending === 0
  })
}

interface Seen {
  /** In the channel. */
  cards(id: string): string[]
  /** In somebody's own chat. */
  toldIn(name: string, id: string): string[]
}

/** Read once: so many cards take a while. */
function seenOf(
  all: readonly { where: string; words: string }[],
  channel: string,
  chatOf: (name: string) => string,
): Seen {
  const byId = new Map<string, { where: string; words: string }[]>()
  for (const one of all) {
    const id = /G-[0-9A-Z]{6} asked/.exec(one.words)?.[0].slice(0, 8)
    if (id !== undefined) byId.set(id, [...(byId.get(id) ?? []), one])
  }
  const within = (where: string, id: string) =>
    (byId.get(id) ?? []).filter((one) => one.where === where).map(({ words }) => words)
  return { cards: (id) => within(channel, id), toldIn: (name, id) => within(chatOf(name), id) }
}

function slackWords(): Seen {
  const roots = it_.slack.messages.filter(({ root }) => root === null)
  const all = roots.map(({ channel, blocks }) => ({ where: channel, words: readBlocks(blocks).words }))
  return seenOf(all, 'C0ACCESS', (name) => directOf(userOf(name)))
}

function teamsWords(): Seen {
  const roots = it_.teams.messages.filter(({ root, to }) => root === null && to === null)
  const all = roots.map(({ conversation, card }) => ({
    where: conversation.split(';')[0] ?? '',
    words: readCard(card).words,
  }))
  return seenOf(all, CHANNEL, (name) => it_.teams.directOf(objectIdOf(name)) ?? 'nowhere')
}

function dataOf(card: unknown): Record<string, unknown> {
  return (card as { actions: [{ data: Record<string, unknown> }] }).actions[0].data
}
