import type { Placed } from '../domain/grant-event.ts'
import type { IdentityEvent } from '../domain/identity-event.ts'
import type { Policy } from '../domain/policy.ts'
import type { Line } from '../ports/chat.ts'
import type { Announcement } from './announcement.ts'
import { code, line, type Names, person, strong } from './text.ts'

/**
 * Whose account was linked hears it where they were known before, so that a theft is noticed; an account that could not
 * be placed is told to those who hear what needs a person.
 */
export function announceIdentity(
  stream: string,
  events: readonly Placed<IdentityEvent>[],
  policy: Policy,
  names: Names,
): Announcement[] {
  const who = stream.slice(stream.indexOf(':') + 1)
  return events.flatMap((event): Announcement[] => {
    const key = `${stream}:${event.seq}`
    const to = (identity: string, message: Line): Announcement => {
      return { key: `${key}:${identity}`, to: { kind: 'person', identity }, message, priority: 1 }
    }
    if (event.type === 'account.linked') {
      const { platform, account } = event.data
      const message = line(
        ...(['info', 'The account ', code(account), ` on ${platform} is yours now. `] as const),
        ...['Was that not you? Tell ', ...policy.compliance.flatMap((id) => [person(id, names), ' ']), 'at once.'],
      )
      return policy.people.some(({ id, status }) => id === who && status === 'active') ? [to(who, message)] : []
    }
    if (event.type !== 'account.not-linked') return []
    const { platform, account, because } = event.data
    const message = line(
      ...(['alarm', strong('An account could not be linked'), ': ', code(account), ` on ${platform} may be `] as const),
      ...[person(who, names), `, and it is nobody’s until that is settled (${because}).`],
    )
    return policy.escalateTo.map((id) => to(id, message))
  })
}
