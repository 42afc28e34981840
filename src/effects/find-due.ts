import type { PgBoss } from 'pg-boss'

/**
 * Of these kinds those of which something may run now. One statement for all: to ask each kind by itself is twenty
 * statements a second in every process where nothing waits, and PostgreSQL plans each of them anew.
 */
export async function findDue(boss: PgBoss, kinds: Iterable<string>): Promise<string[]> {
  const { rows } = await boss.getDb().executeSql(FIRST_IS_DUE, [[...kinds]])
  return rows.map(({ kind }: { kind: string }) => kind)
}

const FIRST_IS_DUE = `
  select kind from unnest($1::text[]) as kind
  where (
    select min(start_after) from pgboss.job_common where name = kind and state < 'active' and not blocked
  ) <= clock_timestamp()`
