import { StreamConflict } from '../record/append.ts'

const ATTEMPTS = 5

/** Somebody else wrote to the stream first: `attempt` reads again and decides again. */
export async function decideAgain<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof StreamConflict) || tried === ATTEMPTS) throw error
    }
  }
}
