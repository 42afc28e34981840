import type { Conclusion, Part } from '../domain/conclusion.ts'

/** The conclusion first, then what it rests on; `long` with every fact. */
export function conclusionLines(conclusion: Conclusion | null, how: 'short' | 'long'): string[] {
  if (conclusion === null) return []
  const { about, line, parts, notProved } = conclusion
  return [
    `${about}: ${line}`,
    ...parts.flatMap((part) => partLines(part, how)),
    ...notProved.map((what) => `  not proved: ${what}`),
  ]
}

function partLines({ title, standing, says, facts }: Part, how: 'short' | 'long'): string[] {
  const sign = standing === 'shown' ? '' : ` [${standing}]`
  const line = `  ${title}${sign}: ${says}`
  return how === 'short' ? [line] : [line, ...facts.map(({ label, value }) => `    ${label}: ${value}`)]
}
