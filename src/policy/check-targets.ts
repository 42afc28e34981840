import { formatDuration } from '../domain/duration.ts'
import { isVerb } from '../domain/verbs.ts'
import { didYouMean } from './did-you-mean.ts'
import type { Path, Report } from './fault.ts'
import type { EntitlementFile, PolicyFile, TargetFile } from './policy-file.ts'
import { checkList, checkPersonOrGroup, type References, resolvePeople } from './references.ts'
import { settleEntitlement } from './settle-entitlement.ts'

/** Targets and what can be held there: names that chat can tell from verbs, defaults that cannot harm, rules that exist. */
export function checkTargets(file: PolicyFile, references: References, report: Report): void {
  checkList(file.escalateTo, ['escalateTo'], references, report)
  checkList(file.compliance, ['compliance'], references, report)
  checkList(file.mayFreeze ?? [], ['mayFreeze'], references, report)
  checkList(file.keepers ?? [], ['keepers'], references, report)
  checkKeepers(file, references, report)
  checkRules(file.defaults ?? {}, ['defaults'], references, report)
  checkLookAlikes(Object.keys(file.targets), ['targets'], report)
  for (const [name, target] of Object.entries(file.targets)) {
    const path: Path = ['targets', name]
    if (isVerb(name)) {
      const message = `"${name}" is a word of /access itself`
      report({ path, at: 'key', message, remedy: `Name the target otherwise, such as ${name}-db` })
    }
    checkList(target.owners, [...path, 'owners'], references, report)
    checkDefault(target, path, report)
    checkLookAlikes(Object.keys(target.entitlements), [...path, 'entitlements'], report)
    for (const [key, entitlement] of Object.entries(target.entitlements)) {
      const at = [...path, 'entitlements', key]
      checkRules(entitlement, at, references, report)
      checkEntitlement(entitlement, file, at, report)
    }
  }
}

/** Who is in a group of the directory is known only when it is asked for. */
function checkKeepers({ compliance, keepers = [] }: PolicyFile, references: References, report: Report): void {
  const all = resolvePeople([...compliance, ...keepers], references)
  if (all.length >= 2 || all.some((one) => one.startsWith('group:'))) return
  report({
    severity: 'warning',
    path: keepers.length > 0 ? ['keepers'] : ['compliance'],
    message: `${all[0] ?? 'Nobody'} alone may hold and erase, which takes two: nobody can`,
    remedy: 'Name somebody else under keepers',
  })
}

/** Write and admin are always asked for by name. */
function checkDefault(target: TargetFile, path: Path, report: Report): void {
  const names = Object.keys(target.entitlements)
  if (names.length === 0) {
    report({ path: [...path, 'entitlements'], message: 'Nothing can be held here', remedy: 'Add an entitlement' })
    return
  }
  if (target.default === undefined) return
  const at = [...path, 'default']
  const entitlement = Object.hasOwn(target.entitlements, target.default)
    ? target.entitlements[target.default]
    : undefined
  if (entitlement === undefined) {
    const remedy = didYouMean(target.default, names, `Write one of ${names.join(', ')}`)
    report({ path: at, message: `There is no entitlement "${target.default}" here`, remedy })
  } else if (entitlement.level !== 'read') {
    const message = `The default "${target.default}" is of level ${entitlement.level}`
    report({ path: at, message, remedy: 'Make one of level read the default, or leave default out' })
  }
}

/** The rules that an entitlement and `defaults` write alike. */
function checkRules(
  rules: NonNullable<PolicyFile['defaults']>,
  path: Path,
  references: References,
  report: Report,
): void {
  if (rules.requesters !== undefined && rules.requesters !== 'everyone') {
    checkList(rules.requesters, [...path, 'requesters'], references, report)
  }
  for (const [index, rule] of (rules.approvals ?? []).entries()) {
    for (const [place, source] of rule.from.entries()) {
      if (!source.startsWith('group:')) continue
      checkPersonOrGroup(source, [...path, 'approvals', index, 'from', place], references, report)
    }
  }
}

function checkEntitlement(own: EntitlementFile, file: PolicyFile, path: Path, report: Report): void {
  const settled = settleEntitlement(own, file.defaults)
  const { maxDurationMs, maxTotalMs, approvals, reason } = settled
  if (maxDurationMs === null) {
    const remedy = 'Add maxDuration: here or under defaults'
    report({ path: [...path, 'maxDuration'], at: 'key', message: 'Nothing limits how long this may be held', remedy })
  } else if (maxTotalMs < maxDurationMs) {
    const message = `maxTotal (${formatDuration(maxTotalMs)}) is shorter than maxDuration (${formatDuration(maxDurationMs)})`
    report({ path: [...path, 'maxTotal'], message, remedy: `Write ${formatDuration(maxDurationMs)} or more` })
  }
  if (approvals === null) {
    const why = own.level === 'read' ? 'nor do the defaults' : 'and the defaults count for level read alone'
    const message = `Nobody approves this: it has no approvals of its own, ${why}`
    const remedy = 'Add approvals:, such as - { need: 1, from: [manager, owners] }'
    report({ path: [...path, 'approvals'], at: 'key', message, remedy })
  }
  if (reason.min > reason.max) {
    const message = `A reason would need at least ${reason.min} and at most ${reason.max} characters`
    report({ path: [...path, 'reason'], message, remedy: 'Lower min, or raise max' })
  }
  if ((reason.pattern === null) !== (reason.hint === null)) {
    const missing = reason.pattern === null ? 'pattern' : 'hint'
    const message = `reason has no ${missing}`
    report({ path: [...path, 'reason'], message, remedy: `Add ${missing}: a pattern and its hint go together` })
  }
}

/** Names that differ only in signs that the eye takes for each other are typed wrong one day. */
function checkLookAlikes(names: readonly string[], path: Path, report: Report): void {
  const seen = new Map<string, string>()
  for (const name of names) {
    const shape = name.replace(/[._-]/g, '').replaceAll('0', 'o').replace(/[1i]/g, 'l').replaceAll('rn', 'm')
    const other = seen.get(shape)
    seen.set(shape, other ?? name)
    if (other === undefined) continue
    const message = `"${name}" is easily taken for "${other}"`
    report({ path: [...path, name], at: 'key', message, remedy: 'Give one of them another name' })
  }
}
