import { LONGEST_ACCEPTANCE_MS } from '../domain/decide-finding.ts'
import { formatDuration } from '../domain/duration.ts'
import type { FindingState } from '../domain/finding-state.ts'
import type { Form, FormField } from '../ports/chat.ts'

/** What was done about it. */
export function fixForm({ id }: FindingState): Form {
  return {
    ...{ id: 'fix-finding', title: `Fixed: ${id}`, submitLabel: 'Fixed', context: { request: id } },
    fields: [words('done', 'What was done', 'Somebody else looks next, and a third press closes it')],
  }
}

/** What a person saw when they looked. */
export function retestForm({ id }: FindingState): Form {
  return {
    ...{ id: 'retest-finding', title: `Retest: ${id}`, submitLabel: 'Put on record', context: { request: id } },
    fields: [
      {
        ...{ name: 'passed', label: 'Is it gone?', hint: null, kind: 'select', required: true, maxLength: null },
        initial: null,
        options: [
          { value: 'yes', label: 'It is gone' },
          { value: 'no', label: 'It is still there' },
        ],
      },
      words('saw', 'What you looked at, and saw', null),
    ],
  }
}

/** An exception: until when, why, and what is done instead. */
export function acceptanceForm({ id }: FindingState): Form {
  const hint = `Such as 14d or 30d; ${formatDuration(LONGEST_ACCEPTANCE_MS)} at most`
  return {
    ...{ id: 'accept-finding', title: `Let ${id} rest`, submitLabel: 'Ask a second person', context: { request: id } },
    fields: [
      {
        ...{ name: 'duration', label: 'For how long', hint, kind: 'text', required: true },
        ...{ maxLength: 20, initial: null, options: [] },
      },
      words('reason', 'Why it may rest', 'A second person reads it and signs'),
      words('control', 'What is done instead', 'What keeps the risk small meanwhile'),
    ],
  }
}

function words(name: string, label: string, hint: string | null): FormField {
  return { name, label, hint, kind: 'long-text', required: true, maxLength: 1000, initial: null, options: [] }
}
