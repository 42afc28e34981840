/** A rule with its sources already turned into persons. */
export interface ResolvedRule {
  readonly need: number
  readonly persons: ReadonlySet<string>
}

/**
 * How many signatures are still missing when each person counts once over all rules together.
 * A bipartite matching (Kuhn): a person who could serve two rules is given to the one that needs them.
 * @returns 0 when every rule is met by distinct persons
 */
export function missingSignatures(rules: readonly ResolvedRule[], signers: Iterable<string>): number {
  const seats = rules.flatMap((rule) => Array.from({ length: rule.need }, () => rule.persons))
  const seatOf = new Map<string, number>()
  const holder: (string | null)[] = seats.map(() => null)

  const seat = (person: string, tried: Set<number>): boolean => {
    for (const [index, persons] of seats.entries()) {
      if (!persons.has(person) || tried.has(index)) continue
      tried.add(index)
      const sitting = holder[index]
      if (sitting == null || seat(sitting, tried)) {
        holder[index] = person
        seatOf.set(person, index)
        return true
      }
    }
    return false
  }

  for (const person of new Set(signers)) seat(person, new Set())
  return seats.length - holder.filter((person) => person !== null).length
}
