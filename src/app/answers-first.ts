import type { Desk } from '../ports/chat.ts'

/** Whoever has an answer often does something more at once. */
const QUIET_MS = 25
/** So long at most something else waits for people to have their answers. */
const LONGEST_WAIT_MS = 5_000

/** Lets people who wait for an answer go before what only tells others about it. */
export function createAnswersFirst(): AnswersFirst {
  let answering = 0
  const waiting = new Set<() => void>()
  let quiet: NodeJS.Timeout | undefined

  async function during<T>(work: Promise<T>): Promise<T> {
    answering += 1
    clearTimeout(quiet)
    try {
      return await work
    } finally {
      answering -= 1
      if (answering === 0) {
        quiet = setTimeout(() => {
          for (const go of waiting) go()
        }, QUIET_MS)
      }
    }
  }

  return {
    around: ({ command, press, submit }) => ({
      command: (...said) => during(command(...said)),
      press: (...said) => during(press(...said)),
      submit: (...said) => during(submit(...said)),
    }),
    turn() {
      if (answering === 0) return Promise.resolve()
      return new Promise((resolve) => {
        const timer = setTimeout(go, LONGEST_WAIT_MS)
        function go(): void {
          clearTimeout(timer)
          waiting.delete(go)
          resolve()
        }
        waiting.add(go)
      })
    },
  }
}

interface AnswersFirst {
  /** The same desk, at which people go first. */
  around(desk: Desk): Desk
  /** Resolves when nobody waits for an answer here, or after a moment. */
  turn(): Promise<void>
}
