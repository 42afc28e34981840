/** Something wrong in a policy file: where, what, and what to write instead. */
export interface PolicyFault {
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** `targets.prod-db.entitlements.read.maxDuration`; empty for the file itself. */
  readonly path: string
  readonly message: string
  readonly remedy: string
}

export type Path = readonly (string | number)[]

/** A fault before its place is known. `at` says whether the key or the value is meant. */
export interface Finding {
  readonly severity: 'fault' | 'warning'
  readonly path: Path
  readonly at: 'key' | 'value'
  readonly message: string
  readonly remedy: string
}

/** Notes one finding; a check calls it as often as it finds something. */
export type Report = (finding: Omit<Finding, 'severity' | 'at'> & Partial<Pick<Finding, 'severity' | 'at'>>) => void

export function formatPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? part : `${text}.${part}`
  }, '')
}

/** One line for a terminal: `policy.yaml:12:5 people.E7.manager: … …` */
export function formatFault(fileName: string, fault: PolicyFault): string {
  const path = fault.path === '' ? '' : `${fault.path}: `
  return `${fileName}:${fault.line}:${fault.column} ${path}${fault.message}. ${fault.remedy}`
}

/** A value as a message may show it: quoted, on one line, not long. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  const visible = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (char) => codePoint(char))
  return `"${visible.length > 60 ? `${visible.slice(0, 60)}…` : visible}"`
}

/** `U+202E`, for characters that must not be shown as they are. */
export function codePoint(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}
