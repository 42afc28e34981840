import { mkdirSync, readdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { CrashPoint } from '../../src/workflow/context.ts'

/** Whoever of all processes is the `arrival`th to reach the point dies there: once. */
export function armCrash(folder: string, point: CrashPoint, arrival = 1): void {
  mkdirSync(folder, { recursive: true })
  for (let left = 1; left <= arrival; left++) writeFileSync(path.join(folder, `${point} ${left}`), '')
}

/** What nobody has reached yet. */
export function armedCrashes(folder: string): string[] {
  return readdirSync(folder)
}

export function disarmCrashes(folder: string): void {
  for (const token of readdirSync(folder)) rmSync(path.join(folder, token), { force: true })
}

/** Called by a process at each point. Unlinking succeeds for one process only. */
export function mustDieAt(folder: string, point: CrashPoint): boolean {
  const tokens = readdirSync(folder).filter((name) => name.startsWith(`${point} `))
  for (const token of tokens.sort().reverse()) {
    try {
      unlinkSync(path.join(folder, token))
      return token === `${point} 1`
    } catch {
      // Another process was here first: it took this one, the next is ours.
    }
  }
  return false
}
