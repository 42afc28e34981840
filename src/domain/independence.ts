import { utc } from './conclusion.ts'
import { counted } from './counted.ts'

/** A witness that had confirmed the approval before the target was touched. */
export interface KeptBy {
  readonly witness: string
  /** `independent`: as last seen, those who run Countersign could not rewrite it. */
  readonly strength: 'weak' | 'independent'
  /** Who administers it, in words for an auditor. */
  readonly administeredBy: string
  /** Its own time in its last answer. Left out where it has none, and by versions that did not keep it. */
  readonly clock?: TwoClocks
}

/** What somebody else's clock showed, and what ours showed then. Epoch ms. */
export interface TwoClocks {
  readonly theirs: number
  readonly ours: number
}

/** How many independent witnesses an access rests on, where it needs any. */
export interface Independence {
  /** 0 where nothing of financial reporting is touched. */
  readonly needed: number
  readonly keptBy: readonly KeptBy[]
}

/** Two names for one administrator's witness would be one witness: each administrator counts once. */
export function countIndependent(keptBy: readonly KeptBy[]): number {
  const administrators = keptBy
    .filter(({ strength }) => strength === 'independent')
    .map((one) => asRead(one.administeredBy))
  return new Set(administrators).size
}

/** However it is spelt: capitals, blanks and signs that nobody sees make nobody another administrator. */
function asRead(name: string): string {
  const seen = name.normalize('NFKC').replaceAll(/\p{Cf}/gu, '')
  return seen.replaceAll(/\s+/g, ' ').trim().toLowerCase()
}

/** @returns what is said wherever it matters; null where there are enough, or none are needed */
export function lackOfIndependence({ needed, keptBy }: Independence): string | null {
  const seen = countIndependent(keptBy)
  if (seen >= needed) return null
  return `not independent: ${counted(needed, 'witness', 'witnesses')} out of the operators’ reach should keep the evidence, and ${seen} did`
}

/** Each once, without the times: who kept checkpoints, by whatever events say so. */
export function distinctKeepers(all: readonly KeptBy[]): KeptBy[] {
  const found = new Map<string, KeptBy>()
  for (const { witness, strength, administeredBy } of all) {
    const one = { witness, strength, administeredBy }
    found.set(JSON.stringify(one), one)
  }
  return [...found.values()]
}

export function keptByInWords(keptBy: readonly KeptBy[]): string {
  return keptBy
    .map(({ witness, strength, administeredBy, clock }) => {
      const times = clock === undefined ? '' : `, its clock at ${utc(clock.theirs)} when ours was at ${utc(clock.ours)}`
      return `${witness} (${strength}, administered by ${administeredBy}${times})`
    })
    .join(', ')
}
