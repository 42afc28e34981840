import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Answer } from '../../src/ports/chat.ts'
import { verifyEvidence } from '../../src/record/verify.ts'
import { conclude } from '../../src/report/conclude.ts'
import { countersign } from '../support/command-line.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

/* `/access evidence` against a whole process: who may, what they get, and what is on record of it. */
let house: House
let replica: Replica
let id: string
let vkey: string

beforeAll(async () => {
  house = await openHouse()
  replica = await house.startReplica()
  id = idOn(await replica.command('ana', 'prod-db 2s fix the <ledger>'))
  await replica.press('marcus', 'approve', id)
  await until('it is removed', async () => {
    const [row] = await house.db`select status from grant_state where id = ${id}`
    return row?.status === 'removed'
  })
  vkey = (await countersign(['key'], house.environment)).out.trim()
})
afterAll(() => house.close())

const linkIn = (answer: Answer) => {
  const url = /"(http:\/\/localhost:\d+\/evidence\/[\w-]+)"/.exec(JSON.stringify(answer))?.[1]
  if (url === undefined) throw new Error(`no link in ${JSON.stringify(answer)}`)
  return url
}
const take = (url: string, format = 'html', earlier = '') =>
  fetch(url, { method: 'POST', body: new URLSearchParams({ format, earlier }) })

async function opened(): Promise<Record<string, unknown>[]> {
  const rows = await house.db<{ body: string }[]>`
    select body from event where stream = 'system' and type = 'evidence.opened' order by seq`
  return rows.map(({ body }) => JSON.parse(body).data)
}

it('gives compliance the whole story, once, and puts on record who took it before it leaves', async () => {
  const url = linkIn(await replica.command('carla', `evidence ${id.toLowerCase()}`))
  for (let n = 0; n < 3; n++) expect((await fetch(url)).status).toBe(200)
  expect(await opened()).toEqual([])

  const response = await take(url, 'json')
  expect(response.headers.get('content-disposition')).toBe(`attachment; filename=evidence-${id}.json`)
  const verdict = verifyEvidence(Buffer.from(await response.arrayBuffer()), { vkey })
  expect(verdict).toMatchObject({ verdict: 'verified', limits: [] })
  expect(verdict.reveals.map(({ value }) => value)).toContain('fix the <ledger>')
  expect(verdict.policies).toHaveLength(1)
  expect(verdict.singles.map(({ type }) => type).toSorted()).toEqual([
    ...['policy.activated', 'system.started', 'witnesses.seen'],
  ])
  const build = conclude(verdict)?.parts.find(({ title }) => title === 'The build that ran')
  expect(build).toMatchObject({
    standing: 'shown',
    says: expect.stringMatching(/^one build: version \d+\.\d+\.\d+, commit /),
  })
  const policy = conclude(verdict)?.parts.find(({ title }) => title === 'Policy')
  expect(policy?.facts.map(({ label }) => label)).toEqual(['Policy, text in this file', 'Put into force'])
  expect(await opened()).toEqual([{ by: 'carla', about: id, via: 'chat' }])

  for (const again of [await take(url, 'json'), await fetch(url)]) {
    expect(again.status).toBe(410)
    expect(await again.text()).toContain('This link has been used')
  }
  expect(await opened()).toHaveLength(1)
})

it('gives whoever asked, and who signed, a page without the policy, which names everybody', async () => {
  for (const one of ['ana', 'marcus']) {
    const html = await (await take(linkIn(await replica.command(one, `evidence ${id}`)))).text()
    expect(html).toContain('authorised, ended on time, seen gone')
    expect(html).toContain('fix the &#60;ledger&#62;')
    expect(html).toContain(`by ${one} at `)
    expect(html).not.toContain('Dirk')
    expect(html).not.toContain('system.started')
  }
  const owners = await (await take(linkIn(await replica.command('olga', `evidence ${id}`)))).text()
  expect(owners).toContain('Dirk')
})

it('refuses anybody else, names who may, and keeps that on record', async () => {
  const before = await opened()
  const answer = JSON.stringify(await replica.command('bo', `evidence ${id}`))
  expect(answer).toContain('You may not see all that is on record about this one')
  expect(answer).toContain('Carla')
  expect(answer).not.toContain('/evidence/')
  const [refused] = await house.db<{ body: string }[]>`
    select body from event where stream = ${`after:grant:${id}`} and type = 'act.refused' order by seq desc limit 1`
  expect(JSON.parse(refused?.body ?? '{}').data).toMatchObject({ by: 'bo', code: 'may-not-open-evidence' })
  expect(await opened()).toEqual(before)
})

it('repeats no link: the same act again is told to ask anew', async () => {
  const key = crypto.randomUUID()
  linkIn(await replica.command('carla', `evidence ${id}`, key))
  const again = JSON.stringify(await replica.command('carla', `evidence ${id}`, key))
  expect(again).toContain('shown once already')
  expect(again).not.toContain('/evidence/')
})

it('a link to evidence shows no way to connect, and the other way round', async () => {
  const url = linkIn(await replica.command('carla', `evidence ${id}`))
  const elsewhere = await fetch(url.replace('/evidence/', '/reveal/'), { method: 'POST' })
  expect(elsewhere.status).toBe(404)
  expect((await take(url)).status).toBe(200)

  const open = idOn(await replica.command('bo', 'prod-db 5m look at the books'))
  await replica.press('marcus', 'approve', open)
  await until('it is active', async () => {
    const [row] = await house.db`select status from grant_state where id = ${open}`
    return row?.status === 'active'
  })
  const connect = JSON.stringify(await replica.press('bo', 'connect', open))
  const reveal = /"(http:[^"]+\/reveal\/[\w-]+)"/.exec(connect)?.[1] ?? ''
  expect((await take(reveal.replace('/reveal/', '/evidence/'))).status).toBe(404)
  expect((await fetch(reveal, { method: 'POST' })).status).toBe(200)

  const running = await (await take(linkIn(await replica.command('bo', `evidence ${open}`)))).text()
  expect(running).toContain('authorised, not yet ended')
})

it('shows whoever kept a checkpoint that the log continues it, of one id and of a period, and asks for one where there is none', async () => {
  const first = await (await take(linkIn(await replica.command('carla', `evidence ${id}`)), 'json')).text()
  const kept: string = JSON.parse(first).checkpoint
  const pasted = `Checkpoint of test.example/log\n${kept.replaceAll('\n', '\n ')}keep this message`
  for (const [said, verdict] of [
    [`evidence ${id}`, 'verified'],
    ['evidence @ana', 'incomplete'],
    ['evidence prod-db', 'incomplete'],
  ] as const) {
    const url = linkIn(await replica.command('carla', said))
    const none = await take(url, 'json', 'I lost it')
    expect([none.status, await none.text()]).toEqual([400, expect.stringContaining('There is no checkpoint in that')])
    const file = await (await take(url, 'json', pasted)).text()
    expect(verifyEvidence(file, { vkey, earlier: [kept] }), said).toMatchObject({ verdict })
    const without = await (await take(linkIn(await replica.command('carla', said)), 'json')).text()
    expect(verifyEvidence(without, { vkey, earlier: [kept] }), said).toMatchObject({ verdict: 'refused' })
  }
})

it('an id of nothing is answered, and kept', async () => {
  expect(JSON.stringify(await replica.command('carla', 'evidence G-000000'))).toContain('There is no request or grant')
})

describe('the evidence of a period', () => {
  const populationsOpened = async () =>
    (
      await house.db<{ body: string }[]>`
        select body from event where stream = 'system' and type = 'population.opened' order by seq`
    ).map(({ body }) => JSON.parse(body).data)

  it('goes to compliance with everything beside it, so that a verifier sees what is there and what is still to come', async () => {
    const response = await take(linkIn(await replica.command('carla', 'evidence prod-db')), 'json')
    expect(response.headers.get('content-disposition')).toMatch(/filename="?evidence-prod-db-\d{4}-\d\d-\d\d\.\./)
    const verdict = verifyEvidence(Buffer.from(await response.arrayBuffer()), { vkey })
    expect(verdict).toMatchObject({
      verdict: 'incomplete',
      population: { withheld: 0, target: 'prod-db', person: null },
    })
    expect(verdict.population?.grants).toContain(id)
    expect(verdict.policies).toHaveLength(1)
    expect((await populationsOpened()).at(-1)).toMatchObject({
      by: 'carla',
      target: 'prod-db',
      person: null,
      via: 'chat',
    })
  })

  it('goes to a person about themselves and to owners about their target, without what is of others', async () => {
    const own = await (await take(linkIn(await replica.command('ana', 'evidence @ana')), 'json')).text()
    const verdict = verifyEvidence(own, { vkey })
    expect(verdict).toMatchObject({ verdict: 'incomplete', population: { grants: [id], person: 'ana' }, policies: [] })
    expect(verdict.population?.withheld).toBeGreaterThan(0)
    expect(own).not.toContain('Dirk')
    const csv = await (await take(linkIn(await replica.command('olga', 'evidence prod-db')), 'csv')).text()
    expect(csv).toContain(`${id},"authorised, ended on time, seen gone",shown,`)
    const html = await (await take(linkIn(await replica.command('olga', 'evidence PROD-DB')))).text()
    expect(html).toContain('Evidence on <span>prod-db</span>')
    expect(html).toContain('what is not of this selection is withheld')
  })

  it('is refused to anybody else, for what nobody knows, and for a period that is none', async () => {
    const before = await populationsOpened()
    const says = async (one: string, text: string) => JSON.stringify(await replica.command(one, text))
    expect(await says('bo', 'evidence @ana')).toContain('You may not see all that is on record')
    expect(await says('bo', 'evidence prod-db 2026-Q4')).toContain('You may not see all that is on record')
    expect(await says('carla', 'evidence @nobody')).not.toContain('/evidence/')
    expect(await says('carla', 'evidence prod-db yesterday')).toContain('2026-Q4')
    expect(await populationsOpened()).toEqual(before)
  })
})
