import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { graphMessageSchema, readGraphMessage } from '../../../src/chat/teams/graph-message.ts'
import type { ThreadNews } from '../../../src/ports/thread.ts'
import { CHANNEL, TENANT, THREAD } from './fake-teams.ts'
import { objectIdOf, type StartedTeamsChat, startTeamsChat } from './start-teams-chat.ts'
import { createTeamsUser, inChannel, inPerson, type TeamsUser } from './teams-user.ts'

/* What Teams tells of threads, through the door with its tokens. Whose thread it is, and what becomes of it, is not Teams'. */
let it_: StartedTeamsChat
let user: TeamsUser
const news: ThreadNews[] = []

beforeAll(async () => {
  it_ = await startTeamsChat({ startMs: Date.now(), onThread: async (one) => void news.push(one) })
  user = createTeamsUser(it_.url, it_.fake)
})
afterAll(() => it_.stop())
beforeEach(() => {
  news.length = 0
})

const ID = '1699999999998'
/** As with the permission to hear all: nobody is mentioned. */
const reply = (name: string, text: string) => ({ ...inChannel(it_.fake, name, ''), id: ID, text, entities: [] })
const account = { platform: 'teams', tenant: TENANT, id: objectIdOf('ana') }
const place = { platform: 'teams', channel: `${CHANNEL};messageid=${THREAD}`, root: THREAD, message: ID }

it('what is written, edited and deleted in a thread is told by where it was, and read only when somebody asks', async () => {
  const files = [{ contentType: 'text/html' }, { contentType: 'application/vnd.microsoft.teams.file.download.info' }]
  const said = reply('ana', 'row <4711> for <at>Olga</at>')
  const first = await user.send({ ...said, attachments: files })
  expect(first.status).toBe(200)
  await user.send({ ...said, type: 'messageUpdate', text: 'row 4712', timestamp: '2026-11-22T03:00:00.000Z' })
  await user.send({ ...said, type: 'messageDelete', text: undefined })
  expect(news).toMatchObject([place, place, place])
  expect(news.map((one) => one.read())).toEqual([
    { kind: 'written', sentAt: 1699999999998, account, text: 'row <4711> for Olga', files: 1 },
    {
      kind: 'edited',
      sentAt: 1699999999998,
      account,
      text: 'row 4712',
      version: '2026-11-22T03:00:00.000Z',
      before: null,
    },
    { kind: 'deleted', sentAt: 1699999999998, before: null },
  ])
})

it('a mention is a command and a message in the thread, both', async () => {
  const told = await user.mention('ana', 'help', { id: ID })
  expect(told.words).not.toBe('')
  expect(news.map((one) => one.read())).toMatchObject([{ kind: 'written', text: 'Countersign help' }])
})

it('what happens in a channel tells which team it is of: its threads are read back by that', async () => {
  await user.send(reply('ana', 'hello'))
  await it_.teams.stop()
  const known = await it_.db`select team from teams_conversation where kind = 'channel' and id = ${CHANNEL}`
  expect(known).toMatchObject([{ team: CHANNEL }])
})

it('what one person alone sees, a chat, the card itself and other bots are no talk in a thread', async () => {
  const activity = reply('ana', 'mine')
  await user.send({ ...activity, recipient: { ...activity.recipient, isTargeted: true } })
  await user.send(inPerson(it_.fake, 'ana', 'mine'))
  await user.send({ ...activity, id: THREAD })
  await user.send({ ...activity, from: { id: '28:another-bot', name: 'bot' } })
  await user.send({ ...activity, type: 'messageReaction' })
  expect(news).toEqual([])
})

it('a message that is read back is gone through once, whatever page stands in it', () => {
  const read = (content: string) => {
    const given = {
      id: ID,
      messageType: 'message',
      from: { user: { id: 'u' } },
      body: { contentType: 'html', content },
    }
    const act = readGraphMessage(graphMessageSchema.parse(given), { appId: 'a', tenant: TENANT }).read()
    return act?.kind === 'written' ? act.text : expect.fail('nothing written')
  }
  expect(read('<p>row <img src="x" alt="&#128578;"> <b>&lt;4711&gt;</b><br/>a < b</p>')).toBe('row 🙂 <4711>\na')
  // Where each mark were looked for to the end of the page, this would take longer than a test may.
  for (const part of ['<', '<img alt="', '<img alt="" ', '<img alt="" >', '&#1']) {
    read(part.repeat(100_000 / part.length))
    read(`<img ${part.repeat(100_000 / part.length)}>`)
  }
})
