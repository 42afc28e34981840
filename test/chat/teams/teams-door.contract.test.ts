import { type DoorUnderTest, describeDoor } from '../door-contract.ts'
import { line } from '../example-cards.ts'
import { TENANT } from './fake-teams.ts'
import { objectIdOf, startTeamsChat } from './start-teams-chat.ts'
import { createTeamsUser, inPerson } from './teams-user.ts'

describeDoor('Teams', async (desk): Promise<DoorUnderTest> => {
  const started = await startTeamsChat({ desk, startMs: Date.now() })
  const { fake, teams, clock } = started
  const user = createTeamsUser(started.url, fake)
  const account = (who: string) => ({ platform: 'teams', tenant: TENANT, id: objectIdOf(who) })
  // The app is installed for both: there is a chat with each.
  for (const who of ['ana', 'ben']) {
    await teams.chat.post({ kind: 'person', account: account(who) }, `hello ${who}`, line('info', 'hello'))
  }
  const told = new Map<string, string>()
  return {
    accountOf: account,
    async command(who, words, id) {
      await clock.advance(3_000)
      // What is sent again was answered: no second message comes.
      const known = told.get(id)
      if (known !== undefined) {
        await user.send({ ...inPerson(fake, who, words), id })
        return known
      }
      const answer = (await user.command(who, words, { id })).words
      told.set(id, answer)
      return answer
    },
    press: async (who, action, request) => (await user.press(who, { action, request, revision: 1 })).words,
    async openForm(who, action, request) {
      await clock.advance(3_000)
      const button =
        action === null ? dataOf((await user.command(who, '/access')).card) : { action, request, revision: 1 }
      const opened = await user.openForm(who, button)
      return {
        title: opened.title,
        async send(values) {
          const fields = Object.entries(values).map(([name, value]) => [`field:${name}`, value])
          return (await user.submit(who, { ...dataOf(opened.card), ...Object.fromEntries(fields) })).words
        },
      }
    },
    stop: started.stop,
  }
})

function dataOf(card: unknown): Record<string, unknown> {
  return (card as { actions: [{ data: Record<string, unknown> }] }).actions[0].data
}
