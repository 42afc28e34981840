import type { PartFact } from './conclusion.ts'

/** The duties that are checked of every approval, in words for what holds. */
const DUTIES = {
  distinct: 'by distinct persons',
  own: 'none of them asked for it or holds it',
  signed: 'each signed before it, by themselves',
  rules: 'they fill the rules of the policy that it names',
  passkey: 'each by a passkey, as was asked for',
  over: 'nothing had ended the request before',
  sealed: 'it was in a witnessed checkpoint before the target was touched',
  used: 'it was used in its time',
  longer: 'nobody had it for longer than was signed',
} as const

type Duty = keyof typeof DUTIES

/** Every check that was made, also those that passed. */
export function dutyChecks(faults: readonly Fault[], { passkey, given }: Applying): PartFact[] {
  const left: readonly Duty[] = [...(passkey ? [] : ['passkey' as const]), ...(given ? [] : AFTER_GIVING)]
  const made = (Object.keys(DUTIES) as Duty[]).filter((duty) => !left.includes(duty))
  return made.flatMap((duty): PartFact[] => {
    const failed = faults.filter((fault) => fault.duty === duty)
    if (failed.length === 0) return [{ label: 'Checked', value: `${DUTIES[duty]}: yes` }]
    return failed.map(({ standing, says }) => ({
      label: 'Checked',
      value: `${DUTIES[duty]}: ${standing === 'broken' ? 'NO' : 'not known'}, ${says}`,
    }))
  })
}

const AFTER_GIVING: readonly Duty[] = ['sealed', 'used', 'longer']

export function broken(duty: Duty, says: string): Fault {
  return { duty, standing: 'broken', says }
}

export function unclear(duty: Duty, says: string): Fault {
  return { duty, standing: 'unclear', says }
}

export interface Fault {
  readonly duty: Duty
  readonly standing: 'unclear' | 'broken'
  readonly says: string
}

/** What an approval was to have, and what came of it. */
export interface Applying {
  readonly passkey: boolean
  readonly given: boolean
}
