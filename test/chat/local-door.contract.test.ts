import { createHash } from 'node:crypto'
import type { Answer } from '../../src/ports/chat.ts'
import { createPerson } from '../support/house.ts'
import { type DoorUnderTest, describeDoor } from './door-contract.ts'
import { startLocalChat } from './start-local-chat.ts'

/** What the page sends, and what it draws the answer from. */
describeDoor('the local page', async (desk): Promise<DoorUnderTest> => {
  const started = await startLocalChat(() => desk)
  const { url } = await started.startReplica()
  const person = createPerson(url)
  return {
    accountOf: (who) => ({ platform: 'local', tenant: 'local', id: `u-${who}` }),
    command: async (who, words, id) => wordsOf(await person.command(who, words, keyOf(`${who} ${id}`))),
    press: async (who, action, request) => wordsOf(await person.press(who, action as 'done', request)),
    async openForm(who, action, request) {
      const answer = await (action === null ? person.command(who, '') : person.press(who, action as 'deny', request))
      if (answer.kind !== 'form') throw new Error('no form was opened')
      const { id, title, context } = answer.form
      return {
        title,
        send: async (values) => wordsOf(await person.submit(who, id, context.request ?? '', { ...values })),
      }
    },
    stop: started.stop,
  }
})

/** As the page draws one, the same for the same act. */
function keyOf(id: string): string {
  const hex = createHash('sha256').update(id).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

function wordsOf(answer: Answer): string {
  if (answer.kind === 'form') return answer.form.title
  const spans =
    answer.kind === 'line' ? [answer.line.text] : [[{ kind: 'text', text: answer.card.title }], ...answer.card.body]
  return spans.map((one) => one.map((span) => ('text' in span ? span.text : '')).join('')).join('\n')
}
