import { type Names, nameOf } from './conclude-people.ts'
import { type Part, type PartFact, type ProvedFact, type StoryEvent, utc, word } from './conclusion.ts'

/** What others tried, and what did not reach anybody. */
export function concludeBeside(own: readonly StoryEvent[], beside: readonly ProvedFact[], names: Names): Part[] {
  const all = [...own, ...beside]
  const refused = all.filter(({ type }) => type === 'act.refused')
  const lost = all.filter(({ type }) => type === 'notice.undeliverable')
  const deleted = own.filter(({ type }) => type === 'notice.deleted')
  const facts: PartFact[] = [
    ...refused.map(({ at, data }) => ({
      label: 'Refused',
      value: `${utc(at)}: ${nameOf(data.by, names, 'a stranger')} tried to ${word(data.act, 'do something')} (${word(data.code, 'no code')})`,
    })),
    ...lost.map(({ at, data }) => ({
      label: 'Not delivered',
      value: `${utc(at)}: ${word(data.notice, 'a notice')} to ${word(data.to, 'somebody')} (${word(data.code, 'no code')})`,
    })),
    ...deleted.map(({ at, data }) => ({
      label: 'Deleted in chat',
      value: `${utc(at)}: ${word(data.notice, 'a notice')}; posted again`,
    })),
  ]
  if (facts.length === 0) return []
  return [{ title: 'Besides', standing: 'shown', says: `${facts.length} more on record beside the story`, facts }]
}
