/** The SQL of a page of the documentation: fenced blocks that begin with ```sql and a word that says where they belong. */
export function readSqlBlocks(markdown: string): SqlBlocks {
  const found = [...markdown.matchAll(/^( *)```sql(?: (\S+))?\n([\s\S]*?)^ *```/gm)].map(
    ([, , where = '', sql = '']) => ({
      where,
      sql,
    }),
  )
  return {
    every: found.map(({ sql }) => sql),
    of: (where) => found.filter((block) => block.where === where).map(({ sql }) => sql),
  }
}

export interface SqlBlocks {
  readonly every: readonly string[]
  /** In the order of the page. */
  of(where: string): readonly string[]
}
