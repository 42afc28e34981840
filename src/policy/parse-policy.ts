import type { Policy } from '../domain/policy.ts'
import { buildPolicy } from './build-policy.ts'
import { checkApprovals } from './check-approvals.ts'
import { checkChannels } from './check-channels.ts'
import { checkMachines } from './check-machines.ts'
import { checkPeople } from './check-people.ts'
import { checkTargets } from './check-targets.ts'
import { type Finding, formatPath, type Path, type PolicyFault, type Report } from './fault.ts'
import { readYaml, type YamlReading } from './read-yaml.ts'
import { collectReferences } from './references.ts'
import { findingsOfForm, salvage } from './schema-faults.ts'

/**
 * Reads a policy from the text of its file. All faults come at once, in the order of the file, each with
 * its line and what to write instead. Warnings stop nothing.
 */
export function parsePolicy(text: string, fileName: string): PolicyReading {
  const yaml = readYaml(text)
  const formFindings = yaml.data === undefined ? [] : findingsOfForm(yaml.data).slice(0, MAX_FINDINGS)
  const file = yaml.data === undefined ? null : salvage(yaml.data)
  const findings = [...formFindings]
  const report: Report = (finding) => {
    const whole: Finding = { severity: 'fault', at: 'value', ...finding }
    // Where the form is wrong already, what follows from it would only be noise.
    const follows = ({ path }: Finding) =>
      startsWith(whole.path, path) || (whole.at === 'value' && startsWith(path, whole.path))
    if (findings.length < MAX_FINDINGS && !formFindings.some(follows)) findings.push(whole)
  }
  const references = file === null ? null : collectReferences(file, yaml.data)
  if (file !== null && references !== null) {
    checkPeople(file, references, report)
    checkMachines(file, references, report)
    checkTargets(file, references, report)
    if (formFindings.length === 0) {
      checkApprovals(file, references, report)
      checkChannels(file, report)
    }
  }
  const warnings = placed(findings, 'warning', yaml)
  const faults = [
    ...yaml.faults.slice(0, MAX_FINDINGS).map((fault) => ({ ...fault, path: '' })),
    ...placed(findings, 'fault', yaml),
  ]
  faults.sort(byPlace)
  if (faults.length > 0 || file === null || references === null) return { fileName, faults, warnings }
  return { fileName, policy: buildPolicy(file, references, text), warnings }
}

export type PolicyReading =
  | { readonly fileName: string; readonly policy: Policy; readonly warnings: readonly PolicyFault[] }
  | {
      readonly fileName: string
      readonly faults: readonly PolicyFault[]
      readonly warnings: readonly PolicyFault[]
    }

/** A file with more is no policy with mistakes but another file; to place them all would take minutes. */
const MAX_FINDINGS = 1000

function placed(findings: readonly Finding[], severity: Finding['severity'], yaml: YamlReading): PolicyFault[] {
  return findings
    .filter((finding) => finding.severity === severity)
    .map(({ path, at, message, remedy }) => {
      const { line, column } = yaml.locate?.(path, at) ?? { line: 1, column: 1 }
      return { line, column, path: formatPath(path), message, remedy }
    })
    .sort(byPlace)
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((part, index) => part === path[index])
}

function byPlace(a: PolicyFault, b: PolicyFault): number {
  return a.line - b.line || a.column - b.column
}
