import type { CardContext } from '../cards/grant-card.ts'
import type { Context } from './context.ts'
import { namesOf } from './perform-act.ts'

/** What cards need of the active policy: names, titles, what a target is. */
export function cardContext(context: Context): CardContext {
  const policy = context.policy.current()
  const titles = new Map(policy.people.map((one) => [one.id, one.title]))
  return {
    names: namesOf(context),
    titleOf: (id) => titles.get(id) ?? '',
    target: (name) => policy.targets[name] ?? null,
  }
}
