import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountName } from '../../src/connectors/postgres/account-name.ts'
import { idOn } from '../support/house.ts'
import { type Arena, openArena, rounds, wordsOf } from './arena.ts'
import { type Watch, watchTarget } from './watch-target.ts'

const ROUNDS = 200
/** Rounds that are under way at the same time. */
const AT_ONCE = 20

const ENDED = ['grant.disabled', 'grant.sessions-ended', 'grant.access-removed', 'grant.removed', 'closed']
const TOO_LATE = /^Too late: it was (\w+)(?: by (\w+))?/

describe('two at the same instant, on three processes', () => {
  let arena: Arena
  beforeAll(async () => {
    arena = await openArena({ pendingFor: '1h', engineers: ROUNDS })
  })
  afterAll(() => arena.close())

  it('two approvals where one is needed: one signs, the other is told who did', async () => {
    const played = await rounds(ROUNDS, AT_ONCE, async (round) => {
      const id = await ask(arena, round, 'light')
      const [first = '', second = ''] = await raceWords(arena, round, approve('marcus', id), approve('olga', id))
      await done(arena, round, id)
      return { id, first, second }
    })
    await arena.record.quiet()
    for (const { id, first, second } of played) {
      const { types, signers } = await outcomeOf(arena, id)
      expect(signers).toHaveLength(1)
      expect(types.filter((type) => type === 'request.approved')).toHaveLength(1)
      const byMarcus = signers[0] === 'marcus'
      const [winner, loser] = byMarcus ? [first, second] : [second, first]
      expect(winner).toBe('Approved. Access is being given.')
      expect(TOO_LATE.exec(loser)?.slice(1)).toEqual(['approved', byMarcus ? 'Marcus' : 'Olga'])
      await expectSameSaid(arena, id)
    }
  })

  it('two approvals where two are needed: both sign, and it is approved once', async () => {
    const played = await rounds(ROUNDS, AT_ONCE, async (round) => {
      const id = await ask(arena, round, 'light:two')
      const answers = await raceWords(arena, round, approve('marcus', id), approve('olga', id))
      await done(arena, round, id)
      return { id, answers }
    })
    await arena.record.quiet()
    for (const { id, answers } of played) {
      const { types, signers } = await outcomeOf(arena, id)
      expect(signers.toSorted()).toEqual(['marcus', 'olga'])
      expect(types.filter((type) => type === 'request.approved')).toHaveLength(1)
      const said = ['Signed. Another signature is still needed.', 'Approved. Access is being given.']
      expect(answers).toEqual(signers[0] === 'marcus' ? said : said.toReversed())
      await expectSameSaid(arena, id)
    }
  })

  it('approve and deny: one of them, and the other is told which', async () => {
    const played = await rounds(ROUNDS, AT_ONCE, async (round) => {
      const id = await ask(arena, round, 'light')
      const [approved = '', denied = ''] = await raceWords(arena, round, approve('marcus', id), deny('olga', id))
      await done(arena, round, id)
      return { id, approved, denied }
    })
    await arena.record.quiet()
    const outcomes = { approved: 0, denied: 0 }
    for (const { id, approved, denied } of played) {
      const { types } = await outcomeOf(arena, id)
      const decided = types.filter((type) => type === 'request.approved' || type === 'request.denied')
      expect(decided).toHaveLength(1)
      if (decided[0] === 'request.approved') {
        expect(approved).toBe('Approved. Access is being given.')
        expect(TOO_LATE.exec(denied)?.slice(1)).toEqual(['approved', 'Marcus'])
        outcomes.approved += 1
      } else {
        expect(denied).toBe('Denied. They are told.')
        expect(TOO_LATE.exec(approved)?.slice(1)).toEqual(['denied', 'Olga'])
        expect(types).not.toContain('grant.providing')
        outcomes.denied += 1
      }
      await expectSameSaid(arena, id)
    }
    expect(Math.min(outcomes.approved, outcomes.denied), 'both happened').toBeGreaterThan(0)
  })

  it('two identical requests by one person: one request, and both answers name it', async () => {
    const played = await rounds(ROUNDS, AT_ONCE, async (round) => {
      const words = `light 1h twice ${round}`
      const ids = (
        await arena.race(
          round,
          (replica) => replica.command(`e${round}`, words),
          (replica) => replica.command(`e${round}`, words),
        )
      ).map(idOn)
      await done(arena, round, ids[0] ?? '')
      return { round, ids }
    })
    await arena.record.quiet()
    for (const { round, ids } of played) {
      expect(new Set(ids).size).toBe(1)
      expect(await asked(arena, `e${round}`, ids)).toBe(1)
      await expectSameSaid(arena, ids[0] ?? '')
    }
  })

  it('one act that reaches all processes at once: it is done once, and answered alike', async () => {
    const played = await rounds(ROUNDS, AT_ONCE, async (round) => {
      const [askKey, approveKey] = [randomUUID(), randomUUID()]
      const askOnce = (replica: Parameters<Parameters<Arena['race']>[1]>[0]) =>
        replica.command(`e${round}`, `light 1h thrice ${round}`, askKey)
      const askings = await arena.race(round, askOnce, askOnce, askOnce)
      const id = idOn(askings[0] as (typeof askings)[number])
      const approveOnce = approve('marcus', id, approveKey)
      const approvals = await arena.race(round, approveOnce, approveOnce, approveOnce)
      await done(arena, round, id)
      return { round, id, askings, approvals }
    })
    await arena.record.quiet()
    for (const { round, id, askings, approvals } of played) {
      expect(new Set(askings.map((answer) => JSON.stringify(answer))).size).toBe(1)
      expect(approvals.map(wordsOf)).toEqual(Array(3).fill('Approved. Access is being given.'))
      expect(await asked(arena, `e${round}`, [id])).toBe(1)
      const { types, signers } = await outcomeOf(arena, id)
      expect(signers).toEqual(['marcus'])
      expect(types).not.toContain('act.refused')
      await expectSameSaid(arena, id)
    }
  })

  it('an extension is approved while the holder ends the access: no minute after the end', async () => {
    const played = await rounds(ROUNDS, AT_ONCE, async (round) => {
      const id = await ask(arena, round, 'light')
      await approve('marcus', id)(arena.replicaOf(round))
      await arena.become(id, 'active')
      await arena.replicaOf(round).command(`e${round}`, `extend ${id} 1h more`)
      const [approved = '', ended = ''] = await raceWords(
        arena,
        round,
        (replica) => replica.press('olga', 'approve-extension', id),
        (replica) => replica.press(`e${round}`, 'done', id),
      )
      return { id, approved, ended }
    })
    await arena.record.quiet()
    for (const { id, approved, ended } of played) {
      const { types } = await outcomeOf(arena, id)
      expect(ended).toBe('Ending now. I will say when it is seen to be gone.')
      const wasApproved = types.includes('extension.approved')
      expect(approved).toMatch(wasApproved ? /^Approved/ : /^This is not an active access/)
      const end = types.indexOf('grant.ending')
      expect(types.slice(end + 1).filter((type) => type !== 'act.refused')).toEqual(ENDED)
      await expectSameSaid(arena, id)
    }
  })

  it('in the end every record is right, and nothing is left', async () => {
    expect(await arena.record.verify()).toMatchObject({ ok: true, differences: [] })
    expect(await arena.house.db`select account from light_account where present or made > 1`).toEqual([])
    expect(await arena.house.db`select body from event where type = 'system.alarm'`).toEqual([])
    // Of two that wait for each other PostgreSQL ends one after a second, and an act may take two.
    const [{ deadlocks } = {}] = await arena.house.db`
      select deadlocks::int from pg_stat_database where datname = current_database()`
    expect(deadlocks).toBe(0)
  })
})

describe('approve and expiry at the same instant, on three processes', () => {
  let arena: Arena
  beforeAll(async () => {
    arena = await openArena({ pendingFor: '4s', engineers: ROUNDS })
  })
  afterAll(() => arena.close())

  it('one of them, and the approver is told which', async () => {
    // Before the end the approval goes out; moved so that both keep happening, however slow the machine.
    let earlyMs = 0
    const played = await rounds(ROUNDS, 4 * AT_ONCE, async (round) => {
      const id = await ask(arena, round, 'light')
      const [request] = await arena.record.eventsOf(id)
      if (request?.type !== 'request.asked') throw new Error(`${id} was not asked for`)
      // The database's clock and ours are the same machine's.
      await sleep(Math.max(0, request.data.pendingUntil - Date.now() - earlyMs - 5 + (round % 10)))
      const [said = ''] = await raceWords(arena, round, approve('marcus', id))
      earlyMs += TOO_LATE.test(said) ? 10 : -10
      await done(arena, round, id)
      return { id, said }
    })
    await arena.record.quiet()
    const outcomes = { approved: 0, expired: 0 }
    for (const { id, said } of played) {
      const { types, signers } = await outcomeOf(arena, id)
      const decided = types.filter((type) => type === 'request.approved' || type === 'request.expired')
      expect(decided).toHaveLength(1)
      if (decided[0] === 'request.approved') {
        expect(said).toBe('Approved. Access is being given.')
        outcomes.approved += 1
      } else {
        expect(TOO_LATE.exec(said)?.[1]).toBe('expired')
        expect(signers).toEqual([])
        outcomes.expired += 1
      }
      await expectSameSaid(arena, id)
    }
    expect(Math.min(outcomes.approved, outcomes.expired), 'both happened').toBeGreaterThan(0)
    expect(await arena.record.verify()).toMatchObject({ ok: true, differences: [] })
  })
})

describe('the end of one grant and the next on the same entitlement, on three processes', () => {
  const PERSONS = 10
  let arena: Arena
  let watch: Watch
  beforeAll(async () => {
    arena = await openArena({ pendingFor: '1h', engineers: PERSONS })
    watch = watchTarget(arena.house)
  })
  afterAll(async () => {
    await watch.stop()
    await arena.close()
  })

  it('the end cuts no other access short and leaves none open', async () => {
    const played = await rounds(PERSONS, PERSONS, async (person) => {
      const ids = [await ask(arena, person, 'prod-db')]
      for (let round = 0; round < ROUNDS / PERSONS; round++) {
        const id = ids.at(-1) ?? ''
        await approve('marcus', id)(arena.replicaOf(round))
        await arena.become(id, 'active')
        const before = ids.at(-2)
        if (before !== undefined) await arena.become(before, 'removed')
        expect(await canLogIn(arena, id)).toBe(true)
        const [, again = ''] = await raceWords(
          arena,
          round + person,
          (replica) => replica.press(`e${person}`, 'done', id),
          (replica) => replica.command(`e${person}`, `prod-db 1h again ${round}`),
        )
        if (again.includes(id)) {
          // The ask came first: the access stood, and is what they were told of. Now it does not.
          expect(again).toMatch(/^You have .* already/)
          ids.push(await ask(arena, person, 'prod-db'))
        } else {
          ids.push(/G-[0-9A-Z]{6}/.exec(again)?.[0] ?? '')
        }
      }
      const last = ids.at(-1) ?? ''
      await done(arena, person, last)
      return ids
    })
    await arena.record.quiet()
    for (const id of played.flat()) {
      const { types } = await outcomeOf(arena, id)
      await expectSameSaid(arena, id)
      if (types.includes('request.cancelled')) continue
      expect(watch.timesMade(accountName(id)), id).toBe(1)
      expect(types.filter((type) => type === 'grant.active')).toHaveLength(1)
      expect(types.slice(types.indexOf('grant.ending') + 1)).toEqual(ENDED)
    }
    expect(watch.faults()).toEqual([])
    expect(await arena.house.targetDb`select rolname from pg_roles where rolname like 'jit\\_g\\_%'`).toEqual([])
    expect(await arena.record.verify()).toMatchObject({ ok: true, differences: [] })
  })
})

type Send = Parameters<Arena['race']>[1]

function approve(by: string, id: string, key = randomUUID()): Send {
  return (replica) => replica.press(by, 'approve', id, key)
}

function deny(by: string, id: string): Send {
  return (replica) => replica.submit(by, 'deny', id, { reason: 'not now' })
}

async function ask(arena: Arena, person: number, what: string): Promise<string> {
  return idOn(await arena.replicaOf(person).command(`e${person}`, `${what} 1h fix the ledger`))
}

/** Takes back or ends whatever came of it. */
async function done(arena: Arena, person: number, id: string): Promise<void> {
  await arena.replicaOf(person + 1).press(`e${person}`, 'done', id)
}

async function raceWords(arena: Arena, round: number, ...acts: Send[]): Promise<string[]> {
  return (await arena.race(round, ...acts)).map(wordsOf)
}

async function outcomeOf(arena: Arena, id: string): Promise<{ types: string[]; signers: string[] }> {
  const events = await arena.record.eventsOf(id)
  const signers = events.flatMap((event) => (event.type === 'request.signed' ? [event.data.by] : []))
  return { types: events.map((event) => event.type), signers }
}

/** Requests of one person, other than those that the earlier races ended. */
async function asked(arena: Arena, person: string, ids: readonly string[]): Promise<number> {
  const [row] = await arena.house.db`
    select count(*)::int as n from grant_state g where g.for_identity = ${person} and g.asked_at >= (
      select min(asked_at) from grant_state where id = any(${[...ids]}))`
  return row?.n
}

async function canLogIn(arena: Arena, id: string): Promise<boolean> {
  const [row] = await arena.house.targetDb`select rolcanlogin from pg_roles where rolname = ${accountName(id)}`
  return row?.rolcanlogin === true
}

async function expectSameSaid({ record }: Arena, id: string): Promise<void> {
  expect(Object.fromEntries(await record.saidOf(id))).toEqual(Object.fromEntries(await record.toBeSaidOf(id)))
}
