import { describe, expect, it } from 'vitest'
import { concludeHouse, houseNotProved } from '../../src/domain/conclude-house.ts'
import { concludePolicy } from '../../src/domain/conclude-policy.ts'
import type { ProvedFact } from '../../src/domain/conclusion.ts'

const fact = (leafIndex: number, stream: string, type: string, data: object = {}): ProvedFact => ({
  ...{ stream, type, leafIndex, seq: 1, at: leafIndex * 1_000, data: { ...data }, texts: {} },
})
const own = [
  fact(10, 'grant:G-7K3QF0', 'request.asked'),
  fact(12, 'grant:G-7K3QF0', 'request.approved'),
  fact(20, 'grant:G-7K3QF0', 'closed'),
]
const started = (leafIndex: number, version = '0.1.0', commit = 'aaa') =>
  fact(leafIndex, 'system', 'system.started', {
    version,
    commit,
    lockFile: 'bbb',
    schema: '9',
    node: 'v24',
    host: 'h1',
  })
const told = (size: number, announcedIn = [{ platform: 'slack', channel: 'C0123' }]) =>
  fact(30, 'checkpoint:2026-10-15T10:15:00.000Z', 'checkpoint.announced', {
    ...{ size, root: 'r', fingerprint: 'f', announcedIn },
  })
const part = (title: string, singles: ProvedFact[]) => concludeHouse(own, singles).find((one) => one.title === title)
const build = (...singles: ProvedFact[]) => part('The build that ran', singles)
const notice = (...singles: ProvedFact[]) => part('Notice in chat', singles)

describe('the build that ran', () => {
  it('is the one that was started last before the story', () => {
    const one = build(started(2, '0.0.9'), started(7))
    expect(one).toMatchObject({ standing: 'shown', says: 'one build: version 0.1.0, commit aaa' })
    expect(one?.facts).toEqual([
      {
        label: 'Started last before it',
        value: '1970-01-01T00:00:07.000Z: version 0.1.0, commit aaa, dependencies bbb, schema 9, Node v24, on h1',
      },
    ])
  })

  it('and those that were started while it went on, not after it', () => {
    expect(build(started(7), started(15), started(25, '0.2.0'))?.says).toBe('one build: version 0.1.0, commit aaa')
    const two = build(started(7), started(15, '0.2.0'))
    expect(two?.says).toBe('2 builds were started, one after the other')
    expect(two?.facts.map(({ label }) => label)).toEqual(['Started last before it', 'Started while it went on'])
  })

  it('is not told where no start of before is in the file, and never taken from another stream', () => {
    expect(build(started(15))).toMatchObject({ standing: 'unclear' })
    expect(build(started(25))).toBeUndefined()
    expect(build({ ...started(7), stream: 'grant:G-000001' })).toBeUndefined()
    expect(houseNotProved(own, [started(25)])[0]).toContain('which version ran is on the record in the stream system')
    expect(houseNotProved(own, [started(7)])[0]).toContain('that none of another build ran')
  })
})

describe('who put the policy into force', () => {
  const used = own.map((one) => ({ ...one, data: { policy: 'p' } }))
  const active = (leafIndex: number, policy = 'p', by: string | null = 'carla') =>
    fact(leafIndex, 'policy', 'policy.activated', { policy, by })
  const forced = (...singles: ProvedFact[]) =>
    concludePolicy(used, new Map(), singles).facts.flatMap(({ label, value }) =>
      label === 'Put into force' ? [value] : [],
    )

  it('is whoever activated it last before it was gone by', () => {
    expect(forced(active(3, 'p', 'dirk'), active(6))).toEqual(['1970-01-01T00:00:06.000Z by carla'])
    expect(forced(active(3, 'p', null))).toEqual(['1970-01-01T00:00:03.000Z as the first one, by nobody'])
  })

  it('is not told by what came later, is of another policy, or of another stream', () => {
    expect(forced(active(11), active(6, 'q'), { ...active(6), stream: 'grant:G-000001' })).toEqual([])
  })
})

describe('the notice in chat', () => {
  it('names the checkpoint that covers the approval, where it was put out, and who administers that', () => {
    const one = notice(told(13))
    expect(one).toMatchObject({ standing: 'shown', says: 'a checkpoint that covers this was put out to chat' })
    const values = one?.facts.map(({ label, value }) => `${label}: ${value}`)
    expect(values).toContain('Put out: 1970-01-01T00:00:30.000Z, to C0123 (slack)')
    expect(values?.join()).toContain('whoever administers that chat: they can delete it. A notice, no witness')
    expect(houseNotProved(own, [told(13)])[1]).toContain('still stands there')
  })

  it('is not called one where it does not cover the approval, or did not get there', () => {
    expect(notice(told(12))).toMatchObject({ standing: 'unclear', says: 'told in chat, and it does not cover this' })
    const lost = fact(31, 'undelivered:checkpoint:2026-10-15T10:15:00.000Z', 'notice.undeliverable')
    expect(notice(told(13), lost)).toMatchObject({ standing: 'unclear' })
    expect(notice()).toBeUndefined()
    expect(houseNotProved(own, [])[1]).toContain('a notice in chat: none that covers this')
  })
})
