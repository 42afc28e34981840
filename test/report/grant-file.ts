import { readFileSync } from 'node:fs'
import { HOUR } from '../../src/domain/duration.ts'
import { type GrantEvent, grantStream, PRIVATE_PATHS } from '../../src/domain/grant-event.ts'
import { hashPolicy } from '../../src/policy/build-policy.ts'
import type { EvidenceFile } from '../../src/record/evidence.ts'
import { saltedHash } from '../../src/record/verify.ts'
import { active, approved, askedFor, closed, ending, ID, removed } from '../cards/grant-story.ts'
import { SALT, signer } from '../record/good-file.ts'
import { signFile, story } from '../record/signed-file.ts'

const AT = Date.UTC(2026, 10, 21, 14)
const POLICY = readFileSync('test/support/policy.yaml', 'utf8')
const LOOKED = { name: 'role in the catalogue', expected: 'absent', observed: 'absent', ok: true }
const WORKS = { name: 'login with a throw-away password', expected: 'let in', observed: 'let in', ok: true }

/** Evidence of one grant of Ana's that went well, signed by the tests' key. @param typed what she gave as her reason */
export async function grantFile({ typed = 'fix ledger INC-42', policy = POLICY } = {}): Promise<EvidenceFile> {
  const name = hashPolicy(policy)
  const asked = askedFor({
    ...{ entitlement: 'read', grants: 'ledger_read', rules: ['1 of manager, owners'], reason: typed },
    approvers: [
      { id: 'marcus', as: ['manager'] },
      { id: 'olga', as: ['owner'] },
    ],
  })
  const seen = (event: GrantEvent): GrantEvent => {
    if (event.type === 'grant.active') return { ...event, data: { ...event.data, ...times, checks: [WORKS] } }
    if (event.type === 'grant.ending') return { ...event, data: { ...event.data, due: times.endsAt } }
    return event.type === 'grant.removed' ? { ...event, data: { ...event.data, checks: [LOOKED] } } : event
  }
  const events = [asked, ...approved, ...active, ...ending, removed, closed].map(seen)
  const bodies = events.map(({ type, data }, place) => {
    const isOver = place > events.length - 5
    const hidden = PRIVATE_PATHS[type]?.includes('reason') === true
    return {
      ...{ type, at: isOver ? times.endsAt + place : AT + place },
      data: {
        ...data,
        ...('policy' in data && { policy: name }),
        ...(hidden && { reason: { salted: saltedHash(SALT, typed) } }),
        ...(type === 'request.approved' && { usableUntil: AT + HOUR }),
        ...(type === 'closed' && { count: events.length }),
      },
    }
  })
  const file = await signFile(signer, story(grantStream(ID), ...bodies))
  return {
    ...file,
    reveals: [{ leafIndex: 0, path: 'reason', salt: SALT, value: typed }],
    policies: [{ hash: name, text: policy }],
  }
}

const times = { activatedAt: AT + 10, endsAt: AT + 10 + 2 * HOUR, warnAt: AT + HOUR }
