import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { Db } from '../src/db/transaction.ts'

const SCRIPT = path.join(import.meta.dirname, 'bare-jobs-process.ts')

/** Processes of bare pg-boss workers. */
export async function startBareJobs({ url, queues, processes, atOnce, callMs }: BareJobsOptions): Promise<BareJobs> {
  const env = {
    ...{ PATH: process.env.PATH ?? '', DATABASE_URL: url, QUEUES: queues.join(',') },
    ...{ AT_ONCE: String(atOnce), CALL_MS: String(callMs) },
  }
  const children = await Promise.all(
    Array.from({ length: processes }, async () => {
      const child = spawn(process.execPath, [SCRIPT], { env, stdio: ['ignore', 'pipe', 'inherit'] })
      await once(child.stdout, 'data')
      return child
    }),
  )
  return {
    async add(sql, jobs, startAfter) {
      await sql`
        insert into grant_state (id, seq, status, by_identity, for_identity, target, entitlement, asked_at, next_due_at, open_for)
        select id, 6, 'active', id, id, queue, 'e0', 0, ${startAfter}, id
        from jsonb_to_recordset(${JSON.stringify(jobs)}::text::jsonb) as job (id text, queue text)`
      await sql`
        insert into stream_head (stream, seq, hash)
        select 'grant:' || id, 6, decode('00', 'hex')
        from jsonb_to_recordset(${JSON.stringify(jobs)}::text::jsonb) as job (id text)`
      await sql`
        insert into pgboss.job_common (name, singleton_key, data, policy, start_after, keep_until)
        select queue, id, jsonb_build_object('id', id), 'short', to_timestamp(${startAfter / 1_000}::float8), 'infinity'
        from jsonb_to_recordset(${JSON.stringify(jobs)}::text::jsonb) as job (id text, queue text)`
      await sql`analyze`
    },
    async stop() {
      for (const child of children) {
        child.kill('SIGKILL')
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      }
    },
  }
}

interface BareJobsOptions {
  readonly url: string
  readonly queues: readonly string[]
  readonly processes: number
  /** Of each queue, in each process. */
  readonly atOnce: number
  readonly callMs: number
}

interface BareJobs {
  /** @param startAfter epoch ms */
  add(sql: Db, jobs: readonly { readonly id: string; readonly queue: string }[], startAfter: number): Promise<void>
  stop(): Promise<void>
}
