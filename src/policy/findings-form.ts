import { z } from 'zod'
import { DAY, DURATION_PATTERN, HOUR, parseDuration } from '../domain/duration.ts'
import type { Severity } from '../domain/finding-event.ts'
import { FINDING_CAUSES } from '../domain/finding-kinds.ts'
import { checked } from './checked.ts'
import { didYouMean } from './did-you-mean.ts'
import type { NameFault } from './names.ts'

/** Reminders go out on the hour. */
const due = (usual?: string) =>
  checked(
    {
      description: `How long somebody has to see to it, 1h to 180d${usual === undefined ? '' : `; ${usual} when left out`}`,
      pattern: DURATION_PATTERN,
      examples: ['4h', '1d', '14d'],
    },
    (value) => {
      const reading = parseDuration(value, { maxMs: LONGEST_DUE_MS })
      const remedy = 'Write 1h to 180d, such as 4h or 14d'
      if (!('ok' in reading)) return { message: `is no such time (${reading.code})`, remedy }
      return reading.ok < HOUR ? { message: 'is shorter than an hour', remedy } : null
    },
  )

const LONGEST_DUE_MS = 180 * DAY

const dues = (usual: Readonly<Partial<Record<Severity, string>>>) =>
  z.strictObject({
    critical: due(usual.critical).optional(),
    high: due(usual.high).optional(),
    medium: due(usual.medium).optional(),
    low: due(usual.low).optional(),
  })

/** `findings` of the policy: by when what is found must be seen to. */
export const findings = z.strictObject({
  due: dues({ critical: '1d', high: '3d', medium: '14d', low: '30d' }).optional().meta({ description: 'By severity' }),
  dueFinancial: dues({}).optional().meta({
    description: 'By severity, where financial reporting may be touched; as elsewhere when left out',
  }),
  dueOf: z
    .record(checked({ description: 'A cause, as its card names it' }, faultOfCause), due())
    .optional()
    .meta({ description: 'Of single causes, such as orphan-access, whatever their severity' }),
})

function faultOfCause(cause: string): NameFault | null {
  if (FINDING_CAUSES.includes(cause)) return null
  const remedy = didYouMean(
    cause,
    FINDING_CAUSES,
    'Write a cause as the card of a finding names it, such as grant-stuck',
  )
  return { message: 'is the cause of no finding', remedy }
}
