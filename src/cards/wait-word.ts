import type { WaitCause } from '../domain/grant-event.ts'

/** Why something approved is not given yet, as a sentence. */
export function waitWord(because: WaitCause): string {
  switch (because) {
    case 'witness':
      return 'No witness has confirmed the approval yet, and nothing is given before one has.'
    case 'policy':
      return 'It is not settled which policy is in force, and nothing is given until it is.'
    case 'clock':
      return 'The clock of the database fell back, and nothing is given until it has caught up.'
    default:
      return because satisfies never
  }
}
