import { dayAt, dayName } from '../domain/calendar.ts'
import { counted } from '../domain/counted.ts'
import type { DigestState } from '../domain/digest-event.ts'
import { CHANGED, DIGEST_LISTS, type DigestList, ENDED_BADLY, FOUND } from '../domain/digest-lists.ts'
import { formatDuration, SECOND } from '../domain/duration.ts'
import type { Button, Card, Span, Text } from '../ports/chat.ts'
import { digestChart } from './digest-chart.ts'
import { code, joined, type Names, person, strong, text, time } from './text.ts'

/** A title may be so long. */
const TITLE_CHARACTERS = 150

/** One week for compliance: the conclusion, then what was found, what changed, what ended badly, refusals, numbers. */
export function digestCard(state: DigestState, names: Names): Card {
  const { week, made, acknowledged } = state
  const chart = digestChart(made, made.days)
  const [conclusion = ''] = made.line.split('. ')
  const isWhole = week.length + 2 + conclusion.length <= TITLE_CHARACTERS
  return {
    tone: made.standing === 'broken' ? 'alarm' : acknowledged === null ? 'info' : 'done',
    title: `${week}: ${conclusion}`,
    badge: acknowledged === null ? (made.standing === 'broken' ? 'to look at' : 'nothing to look at') : 'acknowledged',
    facts: [
      { label: 'Findings', value: lists(state, FOUND, 'none open, none new') },
      { label: 'Changed', value: lists(state, CHANGED, 'nothing') },
      { label: 'Late or not proved', value: lists(state, ENDED_BADLY, 'nothing') },
      { label: 'Break-glass', value: text(String(made.counts['break-glass'] ?? 0)) },
      { label: 'Refusals', value: text(String(made.counts.refused ?? 0)) },
      { label: 'Record', value: recordText(state) },
      ...(acknowledged === null
        ? []
        : [
            {
              label: 'Acknowledged',
              value: text('by ', person(acknowledged.by, names), ' at ', time(acknowledged.at, 'date-time')),
            },
          ]),
    ],
    body: [...(isWhole ? [] : [text(strong(`${conclusion}.`))]), ...numbers(state)],
    ...(chart !== null && { chart }),
    buttons: [
      button(state, 'open-digest', 'Open all of it', 'plain'),
      ...(acknowledged === null ? [button(state, 'acknowledge-digest', 'Acknowledge', 'primary')] : []),
    ],
    footer: text(
      `${dayName(dayAt(made.from, made.timeZone))} to ${dayName(dayAt(made.until - 1, made.timeZone))}, ${made.timeZone}. `,
      code(`/access digest ${week}`),
    ),
  }
}

/** `2 ended late (G-7K3QF0, G-9XW2B1)`. */
function lists({ made }: DigestState, names: readonly DigestList[], none: string): Text {
  const parts = names.flatMap((name): Span[][] => {
    const count = made.counts[name] ?? 0
    if (count === 0) return []
    const first = made.first[name] ?? []
    const more = count > first.length ? [` and ${count - first.length} more`] : []
    const ids = first.length === 0 ? [] : [' (', ...joined(first.map(code), ', '), ...more, ')']
    return [[...text(`${DIGEST_LISTS[name].toLowerCase()}: ${count}`, ...ids)]]
  })
  if (parts.length === 0) return text(none)
  return parts.flatMap((part, index) => (index === 0 ? part : [...text('; '), ...part]))
}

function numbers({ made }: DigestState): Text[] {
  const { counts, approveMs } = made
  const count = (name: DigestList) => counts[name] ?? 0
  if (count('asked') + count('granted') + count('ended') === 0) return []
  const approve =
    approveMs === null
      ? ''
      : ` Half were approved within ${formatDuration(Math.max(SECOND, Math.round(approveMs / SECOND) * SECOND))}.`
  return [
    text(
      `${count('asked')} asked: ${count('approved')} approved, ${count('denied')} denied, ${count('unanswered')} expired, ${count('withdrawn')} taken back.${approve}`,
    ),
    text(
      `${count('granted')} given, ${count('failed')} failed, ${count('extended')} extended; ${count('ended')} came to their end, ${count('on-time')} of them on time and seen gone.`,
    ),
  ]
}

function recordText({ made: { checkpoint, check, events } }: DigestState): Text {
  const read = `${counted(events, 'event')} read and checked`
  const seal = checkpoint === null ? 'no witness confirms a checkpoint' : `witnessed to ${checkpoint.size}`
  if (check === null) return text(`${read}; ${seal}; the whole record was not checked yet`)
  return text(`${read}; ${seal}; all of it ${check.ok ? 'whole' : 'NOT as witnessed'} at `, time(check.at, 'date-time'))
}

function button({ week, seq }: DigestState, action: Button['action'], label: string, style: Button['style']): Button {
  return { action, label, style, request: week, revision: seq }
}
