import type { KnownPolicies } from './conclude-authorised.ts'
import { houseNotProved } from './conclude-house.ts'
import { activationOf } from './conclude-policy.ts'
import { howFarMirrored } from './conclude-thread.ts'
import { type ProvedFact, type StoryEvent, utc } from './conclusion.ts'
import { counted } from './counted.ts'
import type { ErasureEvent } from './erasure-event.ts'
import { PRIVATE_PATHS } from './grant-event.ts'
import { cardOfThread } from './thread-event.ts'

/** Everything that a reader might take for proved and is not, the weightiest first. */
export function listNotProved({ first, kept, own, beside, facts, singles, policies: known }: Given): string[] {
  const open = [...new Set(facts.map(({ stream }) => stream))].filter(
    (stream) => cardOfThread(stream) === null && facts.findLast((fact) => fact.stream === stream)?.type !== 'closed',
  )
  const clicks = own.filter(({ data }) => 'assurance' in data && data.assurance === 'click-only').length
  const passkeys = own.filter(({ data }) => 'assurance' in data && data.assurance === 'passkey').length
  const policies = new Set(own.flatMap(({ data }) => ('policy' in data ? [String(data.policy)] : [])))
  const without = [...policies].filter((hash) => !known.has(hash))
  const hidden = facts.flatMap(missingTexts)
  const gone = new Map(facts.flatMap(erasedTexts))
  const lost = [...own, ...beside].filter(({ type }) => type === 'notice.undeliverable').length
  return [
    ...first,
    ...(clicks === 0
      ? []
      : [
          `the hand: ${clicks} ${clicks === 1 ? 'decision is a click' : 'decisions are clicks'}, bound to a chat account and not to a person`,
        ]),
    ...(passkeys === 0
      ? []
      : [
          'that a passkey is in the hands of its owner: a second person said so when it was enrolled, by a click in chat',
        ]),
    'whoever holds the signing and MAC keys could have added events; they cannot change what a witness has seen',
    ...kept,
    'the times are those of the clock of the database of Countersign, not of a time-stamping authority',
    ...howFarMirrored(beside),
    ...(lost === 0 ? [] : [`that everybody was told: ${counted(lost, 'notice')} could not be delivered`]),
    ...houseNotProved(own, singles),
    ...(policies.size === 0
      ? []
      : [...policies].every((hash) => activationOf(hash, own, singles).length > 0)
        ? ['that no other policy came into force in between: what is shown of the stream policy stands alone']
        : ['who put the policy into force: that is in the stream policy, which is not in this file']),
    ...without.map((hash) => `what the policy ${hash.slice(0, 12)} says: its text is not in this file`),
    ...hidden.map(
      (where) => `${where}: ${gone.get(where) ?? 'the text is not in this file; it was erased or kept back'}`,
    ),
    ...open.map((stream) => `that nothing more happened in ${stream}: it is not closed`),
  ]
}

function missingTexts({ stream, seq, type, data, texts }: ProvedFact): string[] {
  return (PRIVATE_PATHS[type] ?? [])
    .filter((path) => typeof data[path] === 'object' && texts[path] === undefined)
    .map((path) => textIn(path, stream, seq))
}

/** What an erasure says of each text that it removed. */
function erasedTexts({ type, at, data }: ProvedFact): [string, string][] {
  if (type !== 'texts.erased') return []
  const { by, texts, ...of } = data as Extract<ErasureEvent, { type: 'texts.erased' }>['data']
  const { erasure, redaction = erasure } = of as { erasure?: string; redaction?: string }
  const words = `erased on ${utc(at)} by ${by.join(' and ')} (${redaction})`
  return texts.flatMap(({ stream, seq, paths }) =>
    paths.map((path): [string, string] => [textIn(path, stream, seq), words]),
  )
}

function textIn(path: string, stream: string, seq: number): string {
  return `the ${path} in ${stream} #${seq}`
}

interface Given {
  /** What weighs most of a story of this kind. */
  readonly first: readonly string[]
  /** What is not shown of who keeps the evidence. */
  readonly kept: readonly string[]
  /** Of the stream that it is about. */
  readonly own: readonly StoryEvent[]
  readonly beside: readonly ProvedFact[]
  readonly facts: readonly ProvedFact[]
  /** Of other streams, each by itself. */
  readonly singles: readonly ProvedFact[]
  readonly policies: KnownPolicies
}
