import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Card, Destination } from '../../../src/ports/chat.ts'
import { digestMessages } from '../../cards/digest-story.ts'
import { type StartedSlackChat, startSlackChat } from './start-slack-chat.ts'

let it_: StartedSlackChat
const channel: Destination = { kind: 'channel', channel: '#access' }
const [first] = digestMessages()
const card = first?.message as Card

beforeAll(async () => {
  it_ = await startSlackChat()
})
afterAll(() => it_.stop())
beforeEach(() => it_.clock.advance(1_200))

const blockOf = (key: string, type: string) =>
  it_.fake.messages.find(({ ts }) => ts === key)?.blocks.find((block) => (block as { type: string }).type === type)
const onDay = (label: string): Card => ({
  ...card,
  ...(card.chart && { chart: { ...card.chart, pairs: [{ label, values: [1, 1] }] } }),
})

it('a chart goes to Slack as a file of its own, once, and its words for who cannot see it', async () => {
  const { id, channel: place } = await it_.slack.chat.post(channel, 'chart 1', card)
  expect(blockOf(id, 'image')).toEqual({
    ...{ type: 'image', slack_file: { id: 'F0FILE0' } },
    alt_text: expect.stringMatching(/^Asked and given by day: Mon 16 12 and 10, /),
  })
  await it_.slack.chat.update({ platform: 'slack', channel: place, id }, { ...card, badge: 'acknowledged' })
  expect(it_.fake.files).toMatchObject([{ filename: 'chart.png', done: true, words: card.chart?.words }])
})

it('without the right, and when Slack does not take the file, the card goes out with the words of the chart', async () => {
  it_.fake.scopes.delete('files:write')
  const { id } = await it_.slack.chat.post(channel, 'chart 2', onDay('Tue 17'))
  expect(blockOf(id, 'image')).toBeUndefined()
  expect(JSON.stringify(blockOf(id, 'context'))).toContain('Asked and given by day')
  it_.fake.scopes.add('files:write')
  for (let tries = 0; tries < 3; tries++) {
    await it_.clock.advance(1_200)
    it_.fake.failNext('chat.postMessage', { kind: 'error', error: 'invalid_blocks' })
    await expect(it_.slack.chat.post(channel, 'chart 3', onDay('Wed 18'))).rejects.toMatchObject({ code: 'throttled' })
  }
  await it_.clock.advance(1_200)
  const last = await it_.slack.chat.post(channel, 'chart 3', onDay('Wed 18'))
  expect(blockOf(last.id, 'image')).toBeUndefined()
})
