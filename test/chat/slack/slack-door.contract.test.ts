import { type DoorUnderTest, describeDoor, type Who } from '../door-contract.ts'
import { TEAM } from './fake-slack.ts'
import { createSlackUser } from './slack-user.ts'
import { startSlackChat } from './start-slack-chat.ts'

const idOf = (who: Who) => `U0${who.toUpperCase()}`

describeDoor('Slack', async (desk): Promise<DoorUnderTest> => {
  const started = await startSlackChat({ desk, startMs: Date.now() })
  const user = createSlackUser(started.url, started.fake, Date.now)
  return {
    accountOf: (who) => ({ platform: 'slack', tenant: TEAM, id: idOf(who) }),
    command: async (who, words, id) => (await user.command(idOf(who), words, { trigger: `trigger.${id}` })).words,
    press: async (who, action, request) => (await user.press(idOf(who), action, `1 ${request}`)).words,
    async openForm(who, action, request) {
      const before = started.fake.views.length
      if (action === null) await user.command(idOf(who), '')
      else await user.press(idOf(who), action, `1 ${request}`)
      const opened = started.fake.views[before]?.view
      if (opened === undefined) throw new Error('no form was opened')
      const { title } = opened as unknown as { title: { text: string } }
      const context = (JSON.parse(opened.private_metadata) ?? {}) as object
      return {
        title: title.text,
        send: async (values) => (await user.submit(idOf(who), opened.callback_id, context, { ...values })).words,
      }
    },
    stop: started.stop,
  }
})
