export type EmbeddedErrorCode =
  | 'unsupported-platform'
  | 'no-binaries'
  | 'no-glibc'
  | 'no-server-user'
  | 'not-writable'
  | 'disk-full'
  | 'port-in-use'
  | 'already-running'
  | 'wrong-version'
  | 'foreign-server'
  | 'start-failed'

/** The embedded server could not be started. The message names the thing and the next step. */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError'
  readonly code: EmbeddedErrorCode

  constructor(code: EmbeddedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
