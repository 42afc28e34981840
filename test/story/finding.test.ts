import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { countersign } from '../support/command-line.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

/*
 * Somebody changes a row of the database under two processes: one finding, told in the channel and in person, seen to
 * at both, by distinct persons, over a kill; and the auditor gets it with its proofs.
 */
const VERIFIER = 'test/verifier/verify_evidence.py'

let house: House
let one: Replica
let two: Replica
let id: string

beforeAll(async () => {
  house = await openHouse()
  one = await house.startReplica()
  two = await house.startReplica()
})
afterAll(() => house.close())

const words = (answer: unknown) =>
  JSON.stringify(answer, (_key, value: unknown) => {
    const span = value as { kind?: string; text?: string; name?: string } | null
    return span?.kind === undefined ? value : (span.text ?? span.name ?? value)
  }).replaceAll('","', '')

it('is one over all processes, in the channel, in person, in readiness and in the metrics', async () => {
  const grant = idOn(await one.command('ana', 'prod-db 1m to look'))
  await house.db`update grant_state set status = 'active' where id = ${grant}`
  await Promise.all([one.sweep(), two.sweep()])
  const stream = await until('it is found', async () => (await found())[0] ?? null)
  id = stream.replace('finding:', '')
  await one.sweep()
  expect(await found()).toEqual([stream])
  expect(words(await two.command('carla', 'findings'))).toContain(`${id} open · high · A row said something else`)
  expect(words(await two.command('ana', 'findings'))).toContain('You may not see or settle')
  await until('the card is there', async () => (await cards(`${stream}:card`)).some((card) => card.includes(grant)))
  await until('an owner is told', async () => (await cards(`${stream}:owner:olga`)).length > 0)
  const ready = (await (await fetch(`${one.url}/readyz`)).json()) as { checks: { name: string; detail: string }[] }
  expect(ready.checks.find(({ name }) => name === 'findings')?.detail).toMatch(/^1 open, 0 of them critical; 0 overdue/)
  expect(await (await fetch(`${two.url}/metrics`)).text()).toMatch(/countersign_findings_open\{severity="high"\} 1/)
})

it('is settled by distinct persons at both, and a press over a kill counts once', async () => {
  const key = randomUUID()
  expect(words(await one.press('olga', 'take-finding', id, key))).toContain('Yours.')
  await one.kill()
  expect(words(await two.press('olga', 'take-finding', id, key))).toContain('Yours.')
  expect(await two.press('olga', 'fix-finding', id)).toMatchObject({ kind: 'form', form: { id: 'fix-finding' } })
  await two.submit('olga', 'fix-finding', id, { done: 'took the right to write from the script' })
  one = await house.startReplica()
  expect(words(await one.press('olga', 'close-finding', id))).toContain('You made the fix')
  expect(await one.press('dirk', 'retest-finding', id)).toMatchObject({ kind: 'form', form: { id: 'retest-finding' } })
  await one.submit('dirk', 'retest-finding', id, { passed: 'yes', saw: 'it cannot write any more' })
  const closed = await Promise.all([one.press('dirk', 'close-finding', id), two.press('carla', 'close-finding', id)])
  expect(closed.map(words).filter((said) => said.includes('Closed.'))).toHaveLength(1)
  const types = (await house.db`select type from event where stream = ${`finding:${id}`} order by seq`).map(
    ({ type }) => type,
  )
  expect(types.filter((type) => type !== 'act.refused' && type !== 'finding.seen-again')).toEqual([
    ...['finding.opened', 'finding.taken', 'finding.fixed', 'finding.retested', 'finding.closed', 'closed'],
  ])
  await until('the thread says it', async () =>
    (await cards(`finding:${id}:line:`)).some((line) => /"Closed"/.test(line)),
  )
})

it('has evidence, with what people wrote and what it comes to, on the command line and in chat', async () => {
  const evidence = await countersign(['evidence', id, '--as', 'carla'], house.environment)
  expect(evidence.code).toBe(0)
  expect(evidence.out).toContain('finding.closed')
  expect(evidence.out).toContain('it cannot write any more')
  const vkey = (await countersign(['key'], house.environment)).out.trim()
  const file = house.file('finding.json')
  await writeFile(file, evidence.out)
  const ours = await countersign(['verify', file, '--key', vkey], house.environment)
  expect(ours).toMatchObject({ code: 0, out: expect.stringContaining('Kept by: 2') })
  const { stdout } = await promisify(execFile)('python3', ['-B', VERIFIER, file, '--key', vkey])
  expect(stdout, 'by the second verifier too').toMatch(/^verified\n/)

  expect(words(await one.command('ana', `evidence ${id}`))).toContain('You may not see all that is on record')
  const answer = JSON.stringify(await two.command('dirk', `evidence ${id.toLowerCase()}`))
  const url = /"(http:\/\/localhost:\d+\/evidence\/[\w-]+)"/.exec(answer)?.[1] ?? ''
  const html = await (await fetch(url, { method: 'POST', body: new URLSearchParams({ format: 'html' }) })).text()
  expect(html).toContain('>fixed, retested, closed by another person, in time<')
  expect(html).toContain('it cannot write any more')
  expect(html).toMatch(/<h2>Witnesses <small>[\s\S]*not independent[\s\S]*file \(weak, administered by /)
  const opened = await house.db<{ body: string }[]>`
    select body from event where stream = 'system' and type = 'evidence.opened' order by seq`
  expect(opened.map(({ body }) => JSON.parse(body).data)).toEqual([
    { by: 'carla', about: id },
    { by: 'dirk', about: id, via: 'chat' },
  ])
})

async function found(): Promise<string[]> {
  const rows = await house.db<{ stream: string }[]>`select stream from event where type = 'finding.opened'`
  return rows.map(({ stream }) => stream)
}

async function cards(prefix: string): Promise<string[]> {
  const rows = await house.db<{ content: string }[]>`
    select content from local_chat_messages where starts_with(key, ${prefix})`
  return rows.map(({ content }) => content)
}
