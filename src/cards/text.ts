import type { Line, Span, Text, Tone } from '../ports/chat.ts'

/** Gives an identity id a name to show; an id that nobody knows is shown as it is. */
export type Names = (id: string) => string

/** Builds a text: plain strings are ours, spans are whatever they say. */
export function text(...parts: readonly (string | Span)[]): Text {
  return parts.map((part) => (typeof part === 'string' ? { kind: 'text', text: part } : part))
}

export function line(tone: Tone, ...parts: readonly (string | Span)[]): Line {
  return { tone, text: text(...parts) }
}

export function strong(words: string): Span {
  return { kind: 'strong', text: words }
}

export function code(words: string): Span {
  return { kind: 'code', text: words }
}

/** What a person typed: shown, never interpreted. */
export function typed(words: string): Span {
  return { kind: 'typed', text: words }
}

export function time(at: number, show: 'time' | 'date-time' | 'time-seconds' = 'time'): Span {
  return { kind: 'time', at, show }
}

export function person(id: string, names: Names): Span {
  return { kind: 'person', identity: id, name: names(id), notify: false }
}

/** `Ana, Marcus and Olga`. */
export function people(ids: readonly string[], names: Names): Span[] {
  return joined(ids.map((id) => person(id, names)))
}

/** One of them will do. */
export function anyOf(persons: readonly (string | { readonly id: string })[], names: Names): Span[] {
  const ids = persons.map((one) => (typeof one === 'string' ? one : one.id))
  return joined(
    ids.map((id) => person(id, names)),
    ' or ',
  )
}

export function joined(spans: readonly Span[], last = ' and '): Span[] {
  return spans.flatMap((span, index) => {
    if (index === 0) return [span]
    return [{ kind: 'text', text: index === spans.length - 1 ? last : ', ' } as const, span]
  })
}

/** As the beginning of a sentence. */
export function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1)
}
