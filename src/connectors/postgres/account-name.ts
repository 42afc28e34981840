/**
 * The login that a grant gets: `G-7K3QF` → `jit_g_7k3qf`. The same for the grant's whole life, never
 * shared by two grants, and a valid PostgreSQL identifier without quotes.
 * @throws RangeError on an id that is not capitals, digits and single inner hyphens, at most 48 long
 */
export function accountName(grantId: string): string {
  if (grantId.length > 48 || !/^[A-Z0-9]+(-[A-Z0-9]+)*$/.test(grantId)) {
    throw new RangeError(`"${grantId}" is not a grant id: capitals, digits and single hyphens, at most 48`)
  }
  return `jit_${grantId.toLowerCase().replaceAll('-', '_')}`
}
