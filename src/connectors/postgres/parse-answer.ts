import type { z } from 'zod'
import { ConnectorError } from '../../ports/connector.ts'

/** What a function of the set-up returned. @throws ConnectorError `PrivilegeMissing` when it is another version's */
export function parseAnswer<T>(where: string, schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer)
  if (parsed.success) return parsed.data
  const at = parsed.error.issues[0]?.path.join('.')
  throw new ConnectorError('PrivilegeMissing', `${where}: the set-up is another version's (${at}). Run the set-up SQL.`)
}
