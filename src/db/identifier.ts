/** Quotes a name for SQL text. The driver's own quoting would split it at a dot. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
