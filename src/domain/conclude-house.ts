import type { ChannelOn } from './channels.ts'
import { isCheckpointStream } from './checkpoint-event.ts'
import { type Part, type PartFact, type ProvedFact, type StoryEvent, utc, word } from './conclusion.ts'
import { SYSTEM_STREAM } from './house-event.ts'

/**
 * What the house was at while a story went on: the builds that were started, and the checkpoint that was told in chat.
 * From single events, each proved by itself: that there were no others, nobody can tell.
 * @param own events of the story's stream, in the order of the log
 */
export function concludeHouse(own: readonly StoryEvent[], singles: readonly ProvedFact[]): Part[] {
  return [...buildPart(own, singles), ...noticePart(own, singles)]
}

/** What these single events do not show, and what is missing where there are none. */
export function houseNotProved(own: readonly StoryEvent[], singles: readonly ProvedFact[]): string[] {
  return [
    buildPart(own, singles).length > 0
      ? 'the build: that none of another build ran. A process records its start and not its end, and starts may be left out of this file'
      : 'the build: which version ran is on the record in the stream system, which is not in this file',
    noticePart(own, singles).length > 0
      ? 'that the notice in chat still stands there, and that somebody kept it: look, and compare'
      : 'a notice in chat: none that covers this is in this file',
  ]
}

/** What must have left the house before anything follows from it: the approval, the second signature, else the last event. */
export function pivotOf<Event extends Pick<StoryEvent, 'type'>>(own: readonly Event[]): Event | undefined {
  return own.findLast(({ type }) => type === 'request.approved' || type === 'order.confirmed') ?? own.at(-1)
}

function buildPart(own: readonly StoryEvent[], singles: readonly ProvedFact[]): Part[] {
  const [first, last] = [own[0], own.at(-1)]
  const starts = singles.filter(({ stream, type }) => stream === SYSTEM_STREAM && type === 'system.started')
  if (first === undefined || last === undefined) return []
  const before = starts.findLast(({ leafIndex }) => leafIndex < first.leafIndex)
  const during = starts.filter(({ leafIndex }) => leafIndex > first.leafIndex && leafIndex < last.leafIndex)
  const all = [...(before === undefined ? [] : [before]), ...during]
  if (all.length === 0) return []
  const builds = new Set(all.map(buildInWords))
  const says =
    before === undefined
      ? 'started while it went on; which one ran before is not in this file'
      : builds.size === 1
        ? `one build: ${buildInWords(before)}`
        : `${builds.size} builds were started, one after the other`
  const facts = all.map(
    (start): PartFact => ({
      label: start === before ? 'Started last before it' : 'Started while it went on',
      value: `${utc(start.at)}: ${buildInWords(start)}, dependencies ${told(start.data.lockFile)}, schema ${told(start.data.schema)}, Node ${told(start.data.node)}, on ${told(start.data.host)}`,
    }),
  )
  return [{ title: 'The build that ran', standing: before === undefined ? 'unclear' : 'shown', says, facts }]
}

function buildInWords({ data }: ProvedFact): string {
  return `version ${told(data.version)}, commit ${told(data.commit)}`
}

function noticePart(own: readonly StoryEvent[], singles: readonly ProvedFact[]): Part[] {
  const pivot = pivotOf(own)
  const notice = singles.find(({ stream, type }) => isCheckpointStream(stream) && type === 'checkpoint.announced')
  if (pivot === undefined || notice === undefined) return []
  const { size, root, fingerprint } = notice.data
  const covers = Number(size) > pivot.leafIndex
  const lost = singles.filter(
    ({ stream, type }) => stream === `undelivered:${notice.stream}` && type === 'notice.undeliverable',
  )
  const says = !covers
    ? 'told in chat, and it does not cover this'
    : lost.length > 0
      ? 'to be told in chat, and it did not get everywhere'
      : 'a checkpoint that covers this was put out to chat'
  const facts: PartFact[] = [
    { label: 'Checkpoint', value: `${Number(size)} events under the root ${told(root)}` },
    { label: 'Signed by the key', value: `${told(fingerprint)} (SHA-256)` },
    { label: 'Put out', value: `${utc(notice.at)}, to ${channelsOf(notice)}` },
    ...lost.map(({ at }) => ({ label: 'Not delivered', value: utc(at) })),
    { label: 'Administered by', value: 'whoever administers that chat: they can delete it. A notice, no witness' },
  ]
  return [{ title: 'Notice in chat', standing: covers && lost.length === 0 ? 'shown' : 'unclear', says, facts }]
}

function channelsOf({ data }: ProvedFact): string {
  const all = Array.isArray(data.announcedIn) ? (data.announcedIn as readonly ChannelOn[]) : []
  const places = all.map(({ platform, channel }) => (platform === null ? `${channel}` : `${channel} (${platform})`))
  return places.join(', ') || 'no channel'
}

function told(value: unknown): string {
  return word(value, 'not told')
}
