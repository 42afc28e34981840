import type { Line } from '../ports/chat.ts'
import type { Announcement } from './announcement.ts'

/** A message with the announcements that it stands for: one, or several lines of a thread. */
export interface Bundle extends Announcement {
  readonly keys: readonly string[]
}

/**
 * Thread lines that wait to be sent go as one message, and stay one from then on: where a channel takes a
 * line a second, and hundreds of threads wait for it, each of them says the whole in one.
 * @param messageOf the id of the message that shows an announcement; null when none does yet
 */
export function bundleLines(wanted: readonly Announcement[], messageOf: (key: string) => string | null): Bundle[] {
  const bundles: Bundle[] = []
  let open: { readonly at: number; readonly message: string | null } | null = null
  for (const one of wanted) {
    if (one.steps !== true) {
      bundles.push({ ...one, keys: [one.key] })
      continue
    }
    const message = messageOf(one.key)
    const before: Bundle | undefined = open?.message === message ? bundles[open.at] : undefined
    if (open !== null && before !== undefined) bundles[open.at] = joined(before, one)
    else {
      open = { at: bundles.length, message }
      bundles.push({ ...one, keys: [one.key] })
    }
  }
  return bundles
}

/** Lines as one: what alarms is what one sees. */
export function joinLines(lines: readonly Line[]): Line {
  const last = lines.at(-1)
  if (last === undefined) throw new Error('A group of thread lines is never empty')
  return {
    tone: lines.find((one) => one.tone === 'alarm')?.tone ?? last.tone,
    text: lines.flatMap((one, index) => [...(index === 0 ? [] : [{ kind: 'text', text: ' ' } as const]), ...one.text]),
  }
}

function joined(before: Bundle, next: Announcement): Bundle {
  const lines = [before.message, next.message].filter((one): one is Line => !('title' in one))
  return {
    ...{ ...before, keys: [...before.keys, next.key], message: joinLines(lines) },
    priority: before.priority < next.priority ? before.priority : next.priority,
  }
}
