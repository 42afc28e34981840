import { codePoint } from '../policy/fault.ts'

/** For people and pipes: what was asked for. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** What went wrong, or must not be missed. */
export function warn(text: string): void {
  process.stderr.write(`${text}\n`)
}

export function sayJson(value: unknown): void {
  say(JSON.stringify(value, null, 2))
}

/** Text from a file or the database as one line: whoever wrote it must not be able to write a verdict on the screen. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, codePoint)
}

/** `2026-11-21T14:03:07.123Z` @param at epoch ms */
export function instant(at: number): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? `${at} ms` : date.toISOString()
}

/** Done, and the answer is yes. */
export const DONE = 0
/** A no: faults, a doubt, a refusal, a failure. */
export const NO = 1
/** The command line itself is wrong. */
export const WRONG_USAGE = 2

export type ExitCode = typeof DONE | typeof NO | typeof WRONG_USAGE
