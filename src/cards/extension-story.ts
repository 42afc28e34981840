import type { Approver, GrantEvent, Placed } from '../domain/grant-event.ts'

/** One ask for more time and what became of it: the state keeps only the open one. */
export interface ExtensionStory {
  readonly askedSeq: number
  readonly askedAt: number
  readonly by: string
  readonly durationMs: number
  readonly until: number
  readonly reason: string
  readonly approvers: readonly Approver[]
  readonly signed: readonly string[]
  readonly outcome: ExtensionOutcome | null
}

export type ExtensionOutcome =
  | { readonly how: 'approved' | 'extended'; readonly by: readonly string[]; readonly at: number }
  | { readonly how: 'denied'; readonly by: readonly string[]; readonly at: number; readonly why: string }
  | { readonly how: 'failed'; readonly at: number; readonly why: string }
  /** The access ended before anybody decided, or before it could be done. */
  | { readonly how: 'overtaken'; readonly at: number }

/** Every ask for more time under a grant, in order. */
export function extensionStories(events: readonly Placed<GrantEvent>[]): ExtensionStory[] {
  const stories: ExtensionStory[] = []
  for (const event of events) {
    if (event.type === 'extension.asked') {
      const { by, durationMs, until, reason, approvers } = event.data
      const asked = { askedSeq: event.seq, askedAt: event.at, by, durationMs, until, reason, approvers }
      stories.push({ ...asked, signed: [], outcome: null })
      continue
    }
    const open = stories.at(-1)
    if (open !== undefined) stories[stories.length - 1] = { ...open, ...next(open, event) }
  }
  return stories
}

function next({ signed, outcome }: ExtensionStory, event: Placed<GrantEvent>): Partial<ExtensionStory> {
  const { at } = event
  const undone = outcome === null || outcome.how === 'approved'
  switch (event.type) {
    case 'extension.signed':
      return { signed: [...signed, event.data.by] }
    case 'extension.approved':
      return { outcome: { how: 'approved', by: event.data.by, at } }
    case 'extension.denied':
      return { outcome: { how: 'denied', by: [event.data.by], at, why: event.data.reason } }
    case 'grant.extended':
      return undone ? { outcome: { how: 'extended', by: signed, at } } : {}
    case 'extension.failed':
      return { outcome: { how: 'failed', at, why: event.data.message } }
    case 'grant.ending':
      return undone ? { outcome: { how: 'overtaken', at } } : {}
    default:
      return {}
  }
}
