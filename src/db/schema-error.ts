export type SchemaErrorCode =
  | 'server-too-old'
  | 'schema-older'
  | 'schema-diverged'
  | 'schema-blocked'
  | 'roles-missing'
  | 'not-owner'

/** The schema is not what this code needs. The message names the next step. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  readonly code: SchemaErrorCode

  constructor(code: SchemaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
