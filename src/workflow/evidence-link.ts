import { code, line, text } from '../cards/text.ts'
import { mintReveal } from '../secrets/reveal.ts'
import type { Context } from './context.ts'
import type { Performed, Performing } from './perform-act.ts'

/**
 * A link to evidence, good for one minute and once.
 * @param what is sealed into it: an id, or a population @param words as one would ask for it again
 */
export async function linkToEvidence(
  { sealing, publicUrl }: Context,
  { tx, now, by }: Performing,
  what: string,
  words: string,
): Promise<Performed> {
  const token = await mintReveal(tx, sealing, 'evidence', { grant: what, identity: by.id, now })
  const link = { kind: 'link', text: `the evidence on ${words}`, url: `${publicUrl}/evidence/${token}` } as const
  return {
    answer: { kind: 'line', line: { tone: 'info', text: text('Here for one minute, and once: ', link) } },
    keep: {
      kind: 'line',
      line: line('info', 'The link was shown once already. Ask again: ', code(`/access evidence ${words}`)),
    },
  }
}
