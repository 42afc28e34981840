import type { Sql, TransactionSql } from 'postgres'

/** A pool of connections as one role. Dates are never sent: times are epoch milliseconds. */
export type Db = Sql

/**
 * A transaction that is open. A function that writes facts and state together takes one, so that its
 * type says that it cannot be called without.
 */
export type Tx = TransactionSql
