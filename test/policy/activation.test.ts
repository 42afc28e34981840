import { describe, expect, it } from 'vitest'
import {
  decideActivation,
  decideLoad,
  evolvePolicyState,
  NO_POLICY_YET,
  type PolicyEvent,
  standingOf,
} from '../../src/policy/activation.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)

describe('which policy is in force', () => {
  it('is the first one ever, which activates itself', () => {
    const events = decideLoad(NO_POLICY_YET, A)
    expect(events).toEqual([
      { type: 'loaded', hash: A },
      { type: 'activated', hash: A, by: null },
    ])
    expect(standingOf(folded(events), A)).toEqual({ state: 'active' })
  })

  it('stays the same when a replica comes with another file: that replica is held and told what to do', () => {
    const events = [...decideLoad(NO_POLICY_YET, A)]
    events.push(...decideLoad(folded(events), B))
    expect(events.at(-1)).toEqual({ type: 'loaded', hash: B })
    expect(standingOf(folded(events), A)).toEqual({ state: 'active' })
    expect(standingOf(folded(events), B)).toEqual({
      state: 'held',
      active: A,
      own: B,
      nextStep: expect.stringMatching(/policy activate bbbbbbbbbbbb --as <person>.*aaaaaaaaaaaa/),
    })
  })

  it('changes when a named person activates a text that is on the record; replicas with the old one are held', () => {
    const events = [...decideLoad(NO_POLICY_YET, A), { type: 'loaded', hash: B } as const]
    const activated = decideActivation(folded(events), B, 'E106')
    expect(activated).toEqual([{ type: 'activated', hash: B, by: 'E106' }])
    const state = folded([...events, ...(activated as PolicyEvent[])])
    expect(standingOf(state, B)).toEqual({ state: 'active' })
    expect(standingOf(state, A)).toMatchObject({ state: 'held', active: B })
  })

  it('can be put back to an earlier one', () => {
    const state = folded([
      ...decideLoad(NO_POLICY_YET, A),
      { type: 'loaded', hash: B },
      { type: 'activated', hash: B, by: 'E1' },
    ])
    expect(decideActivation(state, A, 'E1')).toEqual([{ type: 'activated', hash: A, by: 'E1' }])
  })

  it('is never a text that nobody loaded, and not again what it is', () => {
    const state = folded(decideLoad(NO_POLICY_YET, A))
    expect(decideActivation(state, B, 'E1')).toEqual({ code: 'never-loaded', hash: B })
    expect(decideActivation(state, A, 'E1')).toEqual({ code: 'already-active', hash: A })
  })

  it('is none before the record says so', () => {
    expect(standingOf(NO_POLICY_YET, A)).toMatchObject({ state: 'held', active: null })
  })

  it('is recorded as loaded at every start', () => {
    expect(decideLoad(folded(decideLoad(NO_POLICY_YET, A)), A)).toEqual([{ type: 'loaded', hash: A }])
  })
})

function folded(events: readonly PolicyEvent[]) {
  return events.reduce(evolvePolicyState, NO_POLICY_YET)
}
