import { expect, it } from 'vitest'
import { concludeThread, howFarMirrored } from '../../src/domain/conclude-thread.ts'
import type { ProvedFact } from '../../src/domain/conclusion.ts'

const AT = Date.UTC(2026, 10, 21, 14)
const SALTED = { salted: 'ab' }
let leaf = 0

function fact(type: string, data: object, text?: string): ProvedFact {
  leaf += 1
  const texts = text === undefined ? {} : { [type === 'thread.redaction-asked' ? 'reason' : 'text']: text }
  const place = { stream: 'thread:grant:G-7K3QF0', seq: leaf, leafIndex: leaf, at: AT + leaf }
  return { ...place, type, data: { line: 'T-1', sentAt: AT, by: 'ana', files: 0, text: SALTED, ...data }, texts }
}

it('shows each line with all that it ever said, in the order of the chat, and what was withheld or erased', () => {
  const written = [
    fact('thread.written', { line: 'T-2', sentAt: AT + 5, by: null }, 'who are you'),
    fact('thread.written', {}, 'row 4711'),
    fact('thread.edited', { version: '1' }, 'row 4712'),
    fact('thread.deleted', { text: undefined }),
    fact('thread.written', { line: 'T-3', sentAt: AT + 6, text: '', withheld: 'aws' }),
    fact('thread.written', { line: 'T-4', sentAt: AT + 7, files: 2, late: true }),
    fact('thread.redaction-asked', { line: 'T-4', by: 'carla' }, 'a name'),
    fact('thread.redacted', { line: 'T-4', by: 'olga' }),
  ]
  const [part] = concludeThread(written, (id) => (id === 'olga' ? 'Olga Weber (olga)' : id))
  expect(part).toMatchObject({
    title: 'Thread',
    standing: 'shown',
    says: '4 messages of people under the card, 1 of them changed later',
  })
  expect(part?.facts.map(({ label }) => label)).toEqual(['T-1', 'T-2', 'T-3', 'T-4', 'Besides', 'Besides'])
  expect(part?.facts[0]?.value).toMatch(/ ana: row 4711\n.* changed by ana, now: row 4712\n.* deleted in chat$/)
  expect(part?.facts[1]?.value).toContain('a stranger: who are you')
  expect(part?.facts[2]?.value).toContain('(withheld: it looked like a secret, aws)')
  expect(part?.facts[3]?.value).toContain('(erased by two persons) (2 files, not kept) (found later)')
  expect(part?.facts[5]?.value).toContain('Olga Weber (olga) confirmed: the text of T-4 was erased')
})

it('a thread that differs from the record is not shown to be whole', () => {
  const [part] = concludeThread([fact('thread.differs', { what: 'missing' })], String)
  expect(part).toMatchObject({ standing: 'unclear', says: expect.stringContaining('differs from the record') })
})

it('says how far the chat was mirrored: not at all, as it was heard, or compared', () => {
  expect(howFarMirrored([]).join()).toContain('thread: not mirrored')
  const written = fact('thread.written', {}, 'x')
  expect(howFarMirrored([written]).join()).toContain('as it was heard')
  const compared = fact('thread.compared', { messages: 1, upTo: AT })
  expect(howFarMirrored([written, compared, fact('thread.flooded', { count: 7 })]).join()).toMatch(
    /compared with the chat up to 2026-11-21T14:00:00.000Z.*7 more messages/,
  )
  expect(concludeThread([], String)).toEqual([])
})
