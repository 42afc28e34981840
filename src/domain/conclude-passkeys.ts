import type { Names } from './conclude-people.ts'
import { type Part, type PartFact, type ProvedFact, utc } from './conclusion.ts'
import { type PasskeyEvent, personOfPasskeys } from './passkey-event.ts'

/**
 * Whose passkeys signed, since when, and who said that they are theirs. That each assertion holds under such a key the
 * verifier has found before: a file in which one does not is refused.
 */
export function concludePasskeys(beside: readonly ProvedFact[], names: Names): Part[] {
  const facts = beside.flatMap(({ stream, at, ...fact }): PartFact[] => {
    const owner = personOfPasskeys(stream)
    if (owner === null) return []
    const event = fact as unknown as PasskeyEvent
    switch (event.type) {
      case 'passkey.enrolled': {
        const { by, as, passkey } = event.data
        const value = `${utc(at)}: ${names(owner)}, for ${passkey.rpId}, confirmed by ${names(by)} as ${as.join(' and ')}`
        return [{ label: 'Enrolled', value }]
      }
      case 'passkey.revoked':
        return [{ label: 'Taken back', value: `${utc(at)}: those of ${names(owner)}, by ${names(event.data.by)}` }]
      default:
        return []
    }
  })
  if (facts.length === 0) return []
  const says = 'each passkey that signed was enrolled before, and confirmed by a second person'
  return [{ title: 'Passkeys', standing: 'shown', says, facts }]
}
