import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createAnswersFirst } from '../../src/app/answers-first.ts'
import type { Act, Answer, Desk } from '../../src/ports/chat.ts'

const ANSWER: Answer = { kind: 'line', line: { tone: 'info', text: [{ kind: 'text', text: 'Taken.' }] } }
const ACT: Act = { key: 'act-1', account: { platform: 'local', tenant: 'local', id: 'ana' } }

function deskThatWaits(): { desk: Desk; answer: () => void; fail: () => void } {
  const waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = []
  const act = () => new Promise<Answer>((resolve, reject) => waiting.push({ resolve, reject }))
  return {
    desk: { command: act, press: act, submit: act },
    answer: () => waiting.shift()?.resolve(ANSWER),
    fail: () => waiting.shift()?.reject(new Error('the database went away')),
  }
}

it('nobody waits for an answer: the turn has come', async () => {
  await createAnswersFirst().turn()
})

it('while somebody waits for an answer, the turn comes after it, also when there is none', async () => {
  const { desk, answer, fail } = deskThatWaits()
  const first = createAnswersFirst()
  const { command } = first.around(desk)
  const acts = [command(ACT, 'help', null), command(ACT, 'help', null)]
  let came = false
  const turn = first.turn().then(() => {
    came = true
  })
  answer()
  expect(await acts[0]).toEqual(ANSWER)
  await nextTurn()
  expect(came).toBe(false)
  fail()
  await expect(acts[1]).rejects.toThrow('went away')
  await turn
})

it('who is kept waiting for too long goes all the same', async () => {
  const { desk, answer } = deskThatWaits()
  const first = createAnswersFirst()
  const act = first.around(desk).command(ACT, 'help', null)
  await first.turn()
  answer()
  await act
})
