/** Where a secret stands: `env:NAME` or `file:/absolute/path`. Only `config.ts` follows one. */
export const SECRET_REFERENCE = '^(env:[A-Za-z_][A-Za-z0-9_]*|file:/\\S+)$'

export function isSecretReference(text: string): boolean {
  return new RegExp(SECRET_REFERENCE).test(text)
}
