import { type PlatformTime, withPlatformTime } from '../domain/platform-time.ts'
import type { Draft } from '../record/compose.ts'
import type { Context } from './context.ts'

/** For one act: whatever it records keeps the platform's time of the act beside ours. */
export function keepPlatformTime(context: Context, time: PlatformTime): Context {
  if (time.platformAt === undefined) return context
  const { record } = context
  return {
    ...context,
    record: {
      ...record,
      append: (tx, stream, expectedSeq, drafts, at) =>
        record.append(tx, stream, expectedSeq, draftsAt(drafts, time), at),
      appendTogether: (tx, appends) =>
        record.appendTogether(
          tx,
          appends.map((one) => ({ ...one, drafts: draftsAt(one.drafts, time) })),
        ),
    },
  }
}

export function draftsAt(drafts: readonly Draft[], time: PlatformTime): Draft[] {
  return drafts.map((draft) => ({ ...draft, data: withPlatformTime(draft.data, time) }))
}
