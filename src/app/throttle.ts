/** What comes in a stream is answered so often at most. */
const GAP_MS = 100

/** Calls at once, and then for all that come within a moment once more: a single call never waits. */
export function createThrottle(call: () => void): () => void {
  let resting: NodeJS.Timeout | null = null
  let again = false

  function run(): void {
    again = false
    call()
    resting = setTimeout(() => {
      resting = null
      if (again) run()
    }, GAP_MS)
    resting.unref()
  }

  return () => {
    if (resting === null) run()
    else again = true
  }
}
