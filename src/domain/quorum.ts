/** A rule with its sources already turned into persons. */
export interface ResolvedRule {
  readonly need: number
  readonly persons: ReadonlySet<string>
}

/**
 * How many signatures are still missing when each person counts once over all rules together.
 * @returns 0 when every rule is met by distinct persons
 */
export function missingSignatures(rules: readonly ResolvedRule[], signers: Iterable<string>): number {
  return countSignatures(rules, signers).missing
}

/**
 * Gives each person one seat at most, over all rules together. A bipartite matching (Kuhn): a person who could
 * serve two rules is given to the one that needs them, and who has a seat keeps one when others come.
 * @returns how many seats stay empty, and who has one, in the order of the signing
 */
export function countSignatures(
  rules: readonly ResolvedRule[],
  signers: Iterable<string>,
): { missing: number; counted: string[] } {
  const seats = rules.flatMap((rule) => Array.from({ length: rule.need }, () => rule.persons))
  const holder: (string | null)[] = seats.map(() => null)

  const seat = (person: string, tried: Set<number>): boolean => {
    for (const [index, persons] of seats.entries()) {
      if (!persons.has(person) || tried.has(index)) continue
      tried.add(index)
      const sitting = holder[index]
      if (sitting == null || seat(sitting, tried)) {
        holder[index] = person
        return true
      }
    }
    return false
  }

  const counted = [...new Set(signers)].filter((person) => seat(person, new Set()))
  return { missing: seats.length - counted.length, counted }
}
