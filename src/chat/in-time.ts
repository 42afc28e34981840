/** What `inTime` gives when the work goes on. */
export const LATE = Symbol('late')

/** The result of what is under way, or `LATE` after `withinMs`; it goes on all the same. */
export async function inTime<T>(performing: Promise<T>, withinMs: number): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), withinMs)
  })
  try {
    return await Promise.race([performing, late])
  } finally {
    clearTimeout(timer)
  }
}
