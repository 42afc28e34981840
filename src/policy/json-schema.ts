import { z } from 'zod'
import { policyFile } from './policy-file.ts'

/** The JSON Schema that editors use, as the text of `docs/policy.schema.json`. A test keeps the file in step. */
export function policyJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(policyFile, { io: 'input' }), null, 2)}\n`
}
