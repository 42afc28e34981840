import { describe, expect, it } from 'vitest'
import type { Announcement } from '../../src/cards/announcement.ts'
import { announceGrant } from '../../src/cards/announcements.ts'
import type { Undelivered } from '../../src/cards/untold.ts'
import { MINUTE } from '../../src/domain/duration.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import {
  AT,
  active,
  approved,
  asked,
  askedFor,
  context,
  END,
  ending,
  endNear,
  extended,
  extensionAsked,
  extensionDenied,
  ID,
  place,
  removed,
  signed,
  stuck,
  wordsOf,
} from './grant-story.ts'

const told = (facts: readonly GrantEvent[], undelivered: readonly Undelivered[] = [], stepMs?: number) =>
  announceGrant(ID, place(facts, stepMs), context, undelivered)
const keysOf = (all: readonly Announcement[]) => all.map((one) => one.key.replace(`grant:${ID}:`, ''))
const find = (all: readonly Announcement[], key: string) => {
  const found = all.find((one) => one.key === `grant:${ID}:${key}`)
  if (found === undefined) throw new Error(`no ${key} among ${keysOf(all).join(', ')}`)
  return found
}
const wordsAt = (all: readonly Announcement[], key: string) => wordsOf(find(all, key).message)
const buttonsAt = (all: readonly Announcement[], key: string) => {
  const { message } = find(all, key)
  return 'buttons' in message ? message.buttons.map((button) => button.action) : []
}
const granted = [asked, ...approved, ...active]

describe('what should be announced', () => {
  it('asks each approver in person, and says nothing in person to whoever has just asked', () => {
    expect(keysOf(told([asked]))).toEqual(['card', 'approver:marcus', 'line:1'])
  })

  it('makes one thread line of steps within two seconds, and several of slower ones', () => {
    const lines = (step: number) => told([asked, ...approved], [], step).filter((one) => one.to.kind === 'thread')
    expect(lines(100)).toHaveLength(1)
    expect(lines(3_000)).toHaveLength(3)
  })

  it('keeps the key of every message when more is recorded, and has no key twice', () => {
    const whole = [
      ...[...granted, extensionAsked, extensionDenied, endNear, extensionAsked, ...extended, endNear],
      ...[...ending, stuck, removed],
    ]
    let before: string[] = []
    for (let length = 1; length <= whole.length; length++) {
      const keys = keysOf(told(whole.slice(0, length), [], 900))
      expect(new Set(keys).size).toBe(keys.length)
      expect(keys).toEqual(expect.arrayContaining(before))
      before = keys
    }
  })
})

describe('what needs a person', () => {
  it('asks for each extension with a message of its own, that alone is enough to decide', () => {
    const all = told([...granted, extensionAsked])
    expect(buttonsAt(all, 'approver:olga:ext:6')).toEqual(['approve-extension', 'deny-extension'])
    const words = wordsAt(all, 'approver:olga:ext:6')
    for (const word of ['ANA asks for 30m more of prod-db:write', 'the job is slow', 'fix INC-42', '(owner)']) {
      expect(words).toContain(word)
    }
    expect(find(all, 'approver:olga:ext:6').priority).toBe(0)
    expect(buttonsAt(all, 'approver:marcus')).toEqual([])
  })

  it('asks again for a second extension, and takes the buttons from the first', () => {
    const all = told([...granted, extensionAsked, extensionDenied, extensionAsked])
    expect(buttonsAt(all, 'approver:olga:ext:6')).toEqual([])
    expect(wordsAt(all, 'approver:olga:ext:6')).toContain('Denied by MARCUS')
    expect(buttonsAt(all, 'approver:olga:ext:8')).toEqual(['approve-extension', 'deny-extension'])
  })

  it('takes the buttons from who has signed, and from who may no longer', () => {
    const two = [
      { id: 'marcus', as: ['manager'] },
      { id: 'olga', as: ['owner'] },
    ]
    const once = told([askedFor({ approvers: two }), signed])
    expect(buttonsAt(once, 'approver:marcus')).toEqual([])
    expect(buttonsAt(once, 'approver:olga')).toEqual(['approve', 'deny'])
    const changed: GrantEvent = {
      type: 'request.approvers-changed',
      data: { approvers: [{ id: 'marcus', as: ['manager'] }], missing: 0, rules: ['1 of manager'], policy: 'q' },
    }
    expect(buttonsAt(told([askedFor({ approvers: two }), changed]), 'approver:olga')).toEqual([])
  })

  it('tells the holder of the decision, of the access, of the end that is near and of the end, each apart', () => {
    const all = told([...granted, endNear, ...ending, removed])
    const mine = keysOf(all).filter((key) => key.startsWith('holder:'))
    expect(mine).toEqual(['holder:decided', 'holder:active', `holder:end-near:${END}`, 'holder:over'])
    expect(wordsAt(all, 'holder:over')).toContain('Looked, and it was gone at')
  })

  it.each([
    [
      { type: 'request.denied', data: { by: 'marcus', reason: 'not now', policy: 'p', assurance: 'click-only' } },
      'MARCUS denied',
    ],
    [{ type: 'request.expired', data: { pendingUntil: AT } }, 'Nobody decided'],
    [{ type: 'request.cancelled', data: { by: 'olga' } }, 'OLGA withdrew'],
  ] satisfies [GrantEvent, string][])('tells the holder that it will not be: %j', (fact, words) => {
    expect(wordsAt(told([asked, fact]), 'holder:decided')).toContain(words)
  })

  it('tells the holder that an approved access could not be given, apart from the approval', () => {
    const failed: GrantEvent = { type: 'grant.failed', data: { code: 'approval-stale', message: 'It was too late.' } }
    expect(wordsAt(told([asked, ...approved, failed]), 'holder:failed')).toContain('It was too late.')
    const given: GrantEvent[] = [
      { type: 'grant.attempt-failed', data: { step: 'provision', code: 'NotFound', message: 'No such role.' } },
      { type: 'grant.ending', data: { cause: 'provision-failed', by: null, due: AT } },
      { type: 'grant.attempt-failed', data: { step: 'remove', code: 'Unreachable', message: 'No answer.' } },
      removed,
    ]
    const all = told([asked, ...approved, ...active.slice(0, 1), ...given])
    expect(wordsAt(all, 'holder:failed')).toContain('No such role.')
    expect(keysOf(all)).not.toContain('holder:over')
  })

  it('warns of the end with the buttons that can still change it, for each end anew', () => {
    const all = told([...granted, endNear])
    expect(buttonsAt(all, `holder:end-near:${END}`)).toEqual(['extend', 'done'])
    expect(find(all, `holder:end-near:${END}`).priority).toBe(0)
    const moved = told([...granted, endNear, extensionAsked, ...extended])
    expect(buttonsAt(moved, `holder:end-near:${END}`)).toEqual([])
    expect(wordsAt(moved, 'holder:ext:7')).toContain('Extended by OLGA')
    const again: GrantEvent = { type: 'grant.end-near', data: { endsAt: END + 30 * MINUTE } }
    const keys = keysOf(told([...granted, endNear, extensionAsked, ...extended, again]))
    expect(keys).toContain(`holder:end-near:${END + 30 * MINUTE}`)
  })

  it('says in the title of the warning how long is left, in round words', () => {
    const events = place([...granted, endNear]).map((event) =>
      event.type === 'grant.end-near' ? { ...event, at: END - 10 * MINUTE + 400 } : event,
    )
    expect(wordsAt(announceGrant(ID, events, context), `holder:end-near:${END}`)).toContain('ends in 10m')
  })

  it('says whose request an owner withdrew', () => {
    const lines = (by: string) => wordsAt(told([asked, { type: 'request.cancelled', data: { by } }]), 'line:2')
    expect(lines('olga')).toBe('OLGA withdrew it for ANA.')
    expect(lines('ana')).toBe('ANA withdrew it.')
  })

  it('does not promise to go on with what it may give up', () => {
    const failed: GrantEvent = {
      type: 'grant.attempt-failed',
      data: { step: 'provision', code: 'NotFound', message: 'No such role.' },
    }
    expect(wordsAt(told([asked, ...approved, failed]), 'line:4')).toBe('Giving access did not work: No such role.')
  })
})

describe('an approver who could not be told', () => {
  const undelivered = (to: string, notice: string, seq = 1, at = AT + 5_000): Undelivered => ({
    ...{ type: 'notice.undeliverable', seq, at },
    data: { to, notice: `grant:${ID}:${notice}`, code: 'not-found' },
  })
  const two = askedFor({
    approvers: [
      { id: 'marcus', as: ['manager'] },
      { id: 'olga', as: ['owner'] },
    ],
  })

  it('is named in the thread and to the holder', () => {
    const all = told([two], [undelivered('marcus', 'approver:marcus')])
    expect(wordsAt(all, 'untold:1')).toContain('MARCUS could not be told in person')
    expect(find(all, 'holder:untold:1').to).toEqual({ kind: 'person', identity: 'ana' })
    expect(keysOf(all).filter((key) => key.startsWith('escalation'))).toEqual([])
  })

  it('is escalated when there is no other', () => {
    const facts = [undelivered('marcus', 'approver:marcus'), undelivered('olga', 'approver:olga', 2)]
    const all = told([two], facts)
    expect(wordsAt(all, 'escalation:untold:request:carla')).toContain('None of those who may decide could be told')
    expect(wordsAt(all, 'untold:all:request')).toContain('Told instead: CARLA')
    // It stays said when more happens.
    const later = keysOf(told([two, ...approved], facts, 10_000))
    expect(later).toEqual(expect.arrayContaining(keysOf(all)))
  })

  it('is named for an extension too, and not for a decision that was taken before', () => {
    const at = AT + 50_000
    const facts = [undelivered('olga', 'approver:olga:ext:6', 1, at), undelivered('marcus', 'approver:marcus', 2, at)]
    const keys = keysOf(told([...granted, extensionAsked], facts))
    expect(keys.filter((key) => key.includes('untold'))).toEqual(['untold:1', 'holder:untold:1'])
  })

  it('is said once, though the fact was written twice', () => {
    const twice = [undelivered('marcus', 'approver:marcus'), undelivered('marcus', 'approver:marcus', 2)]
    expect(keysOf(told([two], twice)).filter((key) => key.startsWith('untold'))).toEqual(['untold:1'])
  })

  it('tells the people of last resort that the card itself has no place', () => {
    const all = told([asked], [undelivered('channel', 'card')])
    expect(wordsAt(all, 'escalation:no-card:carla')).toContain('could not be posted in #access')
  })
})
