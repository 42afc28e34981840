import type { Line } from '../ports/chat.ts'
import { platformName } from './channel-name.ts'
import { code, line } from './text.ts'

/** What `/access here` answers. @param platform null: wherever they are */
export function hereLine(platform: string | null): Line {
  if (platform === null) return line('done', 'From now on I write to you wherever you used me last.')
  return line(
    ...(['done', `From now on I write to you on ${platformName(platform)}. `, code('/access here off')] as const),
    ' ends that: then I write wherever you used me last.',
  )
}
