import { type Names, nameOf } from './conclude-people.ts'
import { type Part, type PartFact, type ProvedFact, utc, word } from './conclusion.ts'
import { counted } from './counted.ts'
import { cardOfThread } from './thread-event.ts'

/** What people wrote under the card, line by line in the order of the chat, each with all that it ever said. */
export function concludeThread(facts: readonly ProvedFact[], names: Names): Part[] {
  const thread = facts.filter(({ stream }) => cardOfThread(stream) !== null)
  if (thread.length === 0) return []
  const erased = new Set(thread.flatMap(({ type, data }) => (type === 'thread.redacted' ? [word(data.line, '')] : [])))
  const lines = new Map<string, ProvedFact[]>()
  for (const fact of thread) {
    if (!LINES.includes(fact.type)) continue
    const key = word(fact.data.line, `${fact.leafIndex}`)
    lines.set(key, [...(lines.get(key) ?? []), fact])
  }
  const inOrder = [...lines].sort(([, [a]], [, [b]]) => sentAt(a) - sentAt(b))
  const said = inOrder.map(
    ([line, of]): PartFact => ({
      label: line,
      value: of.map((one) => sayLine(one, erased.has(line), names)).join('\n'),
    }),
  )
  const besides = thread.flatMap((fact): PartFact[] => {
    const words = sayBesides(fact, names)
    return words === null ? [] : [{ label: 'Besides', value: `${utc(fact.at)}: ${words}` }]
  })
  const differs = thread.some(({ type }) => type === 'thread.differs')
  const changed = inOrder.filter(([, of]) => of.some(({ type }) => type !== 'thread.written')).length
  const count = `${counted(said.length, 'message')} of people under the card`
  return [
    {
      title: 'Thread',
      standing: differs ? 'unclear' : 'shown',
      says: `${count}${changed === 0 ? '' : `, ${changed} of them changed later`}${differs ? '; the thread differs from the record' : ''}`,
      facts: [...said, ...besides],
    },
  ]
}

/** How far the chat is on record, for those who read what is not proved. */
export function howFarMirrored(facts: readonly ProvedFact[]): string[] {
  const thread = facts.filter(({ stream }) => cardOfThread(stream) !== null)
  const compared = thread.findLast(({ type }) => type === 'thread.compared')
  if (thread.length === 0)
    return ['thread: not mirrored. What people wrote under the card, if anything, is not in this file']
  const since = compared === undefined ? null : Number(compared.data.upTo)
  const flooded = thread.reduce((sum, { type, data }) => sum + (type === 'thread.flooded' ? Number(data.count) : 0), 0)
  return [
    since === null
      ? 'thread: as it was heard. It was not read back and compared with the chat'
      : `thread: compared with the chat up to ${utc(since)}; what was written and deleted while nobody heard it, or later, is not here`,
    ...(flooded === 0 ? [] : [`thread: ${flooded} more messages came too fast, and are not mirrored`]),
    'who deleted a message in chat: the platform does not say',
  ]
}

const LINES = ['thread.written', 'thread.edited', 'thread.deleted']

function sayLine({ type, at, data, texts }: ProvedFact, isErased: boolean, names: Names): string {
  const who = nameOf(data.by, names, 'a stranger')
  const withheld = typeof data.withheld === 'string' ? `(withheld: it looked like a secret, ${data.withheld})` : null
  const hidden =
    typeof data.text === 'object' ? (isErased ? '(erased by two persons)' : '(not in this file)') : word(data.text, '')
  const files = Number(data.files ?? 0) > 0 ? ` (${data.files} files, not kept)` : ''
  const late = data.late === true ? ' (found later)' : ''
  const text = `${withheld ?? texts.text ?? hidden}${files}${late}`
  if (type === 'thread.written') return `${utc(Number(data.sentAt))} ${who}: ${text}`
  if (type === 'thread.edited') return `${utc(at)} changed by ${who}, now: ${text}`
  return `${utc(at)} ${data.late === true ? 'found deleted' : 'deleted'} in chat`
}

function sayBesides({ type, data, texts }: ProvedFact, names: Names): string | null {
  switch (type) {
    case 'thread.flooded':
      return `${data.count} more messages within a minute; they are not mirrored`
    case 'thread.differs':
      return DIFFERENCES[word(data.what, '')] ?? 'the thread differs from the record'
    case 'thread.redaction-asked':
      return `${nameOf(data.by, names, 'somebody')} asked to erase ${word(data.line, 'a line')}: ${texts.reason ?? '(not in this file)'}`
    case 'thread.redaction-declined':
      return `${nameOf(data.by, names, 'somebody')} declined to erase ${word(data.line, 'a line')}`
    case 'thread.redacted':
      return `${nameOf(data.by, names, 'somebody')} confirmed: the text of ${word(data.line, 'a line')} was erased; its salted hash is still here`
    default:
      return null
  }
}

const DIFFERENCES: Readonly<Record<string, string>> = {
  missing: 'a message of Countersign is not in the thread any more',
  edited: 'a message of Countersign was changed by other hands',
  foreign: 'another bot wrote in the thread',
}

function sentAt(fact: ProvedFact | undefined): number {
  return Number(fact?.data.sentAt ?? 0)
}
