import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Desk } from '../../../src/ports/chat.ts'
import { line } from '../example-cards.ts'
import type { FakeTeams } from './fake-teams.ts'
import { type StartedTeamsChat, startTeamsChat } from './start-teams-chat.ts'
import { createTeamsUser, inChannel, inPerson, pressOf, type TeamsUser, taskOf } from './teams-user.ts'

/*
 * Bodies under a good token of which every part is left out once, and of every wrong kind once: none is answered with
 * more than a 403, none reaches an inside of ours, and the process goes on.
 */
const acts: string[] = []
const hear = async ({ key }: { key: string }) => {
  acts.push(key)
  return { kind: 'line', line: line('refused', 'no') } as const
}
const desk: Desk = { command: hear, press: hear, submit: hear }
const WRONG = [undefined, null, 7, '', [], {}, '__proto__', '\u0000', '\uD800', 'y'.repeat(5_000)]
let it_: StartedTeamsChat
let fake: FakeTeams
let user: TeamsUser

beforeAll(async () => {
  it_ = await startTeamsChat({ desk, startMs: Date.now() })
  fake = it_.fake
  user = createTeamsUser(it_.url, fake)
})
afterAll(() => it_.stop())

it.each([
  ['a message', () => inPerson(fake, 'ana', 'prod-db 2h why')],
  ['a mention', () => inChannel(fake, 'ana', 'prod-db 2h why')],
  ['a button', () => pressOf(fake, 'ana', { action: 'approve', request: 'G-7K3QF0', revision: 1 })],
  ['a dialog', () => taskOf(fake, 'ana', 'task/fetch', { action: 'deny', request: 'G-7K3QF0', revision: 1 })],
  [
    'a form',
    () => {
      const form = { id: 'deny', context: { request: 'G-7K3QF0' } }
      const fields = [
        {
          name: 'reason',
          label: 'Why',
          hint: null,
          kind: 'text',
          required: true,
          maxLength: 9,
          initial: null,
          options: [],
        },
      ]
      const again = { ...form, title: 'Deny', submitLabel: 'Deny', fields }
      return taskOf(fake, 'ana', 'task/submit', { form, again, 'field:reason': 'because' })
    },
  ],
])(
  '%s',
  async (_what, good) => {
    const wrong: string[] = []
    const cases = pathsOf(good()).flatMap((path) => WRONG.map((value) => [path, value] as const))
    for (const [path, value] of cases) {
      const body: object = structuredClone(good())
      setAt(body, path, value)
      const response = await user.send(body)
      const text = await response.text()
      // The answers keep to Teams' limits.
      await it_.clock.advance(600)
      // The answers keep to Teams' limits.
      await it_.clock.advance(600)
      const isSafe = [200, 403].includes(response.status) && !/Error|node_modules|\.ts\b/.test(text)
      if (!isSafe)
        wrong.push(
          `${path.join('.')} = ${JSON.stringify(value)?.slice(0, 20)}: ${response.status} ${text.slice(0, 80)}`,
        )
    }
    expect(wrong).toEqual([])
    expect(cases.length).toBeGreaterThan(140)
  },
  60_000,
)

it('after all of it a good request is heard', async () => {
  const before = acts.length
  expect((await user.send(inPerson(fake, 'ana', 'help'))).status).toBe(200)
  expect(acts.length).toBe(before + 1)
  expect(it_.faults.filter(({ what }) => /act failed|could not be placed/.test(what))).toEqual([])
})

function pathsOf(value: unknown, at: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [[...at, name], ...pathsOf(inner, [...at, name])])
}

function setAt(value: object, path: string[], wrong: unknown): void {
  const [first = '', ...rest] = path
  const holder = value as Record<string, unknown>
  if (rest.length > 0) setAt(holder[first] as object, rest, wrong)
  else if (wrong === undefined) delete holder[first]
  else holder[first] = wrong
}
