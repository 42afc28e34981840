import type { Job } from '../schedule/run-due-slots.ts'
import { CHECKPOINT_CRON } from '../workflow/announce-checkpoint.ts'
import type { Context, Effect } from '../workflow/context.ts'
import { DIGEST_CRON } from '../workflow/make-digests.ts'

/** What comes round by the calendar: each only queues its effect, once a slot over all replicas. */
export function jobsOf({ enqueue }: Pick<Context, 'enqueue'>, verifySchedule: string): Job[] {
  const job = (kind: Timed, cron: string): Job => ({
    ...{ name: kind, cron, catchUp: 'latest' },
    run: (tx) => enqueue(tx, { kind }),
  })
  return [
    job('check-record', verifySchedule),
    job('keep-record', '17 5 * * *'),
    job('mind-findings', '0 * * * *'),
    job('reconcile-threads', '*/10 * * * *'),
    job('make-digests', DIGEST_CRON),
    {
      ...{ name: 'announce-checkpoint', cron: CHECKPOINT_CRON, catchUp: 'latest' },
      run: (tx, slot) => enqueue(tx, { kind: 'announce-checkpoint', slot }),
    },
  ]
}

type Timed = Extract<
  Effect['kind'],
  'check-record' | 'keep-record' | 'mind-findings' | 'reconcile-threads' | 'make-digests'
>
