import { z } from 'zod'
import type { NameFault } from './names.ts'

/** A string with a check whose remedy travels with the issue. `pattern` tells editors roughly the same. */
export function checked(meta: Meta, faultOf: (value: string) => NameFault | null) {
  return z
    .string()
    .meta({ ...meta })
    .superRefine((value, context) => {
      const fault = faultOf(value)
      if (fault !== null) context.addIssue({ code: 'custom', message: fault.message, params: { remedy: fault.remedy } })
    })
}

interface Meta {
  readonly description: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly examples?: string[]
}
