import { stat } from 'node:fs/promises'
import path from 'node:path'
import { type Binaries, findBinaries } from './binaries.ts'
import { createCluster } from './create-cluster.ts'
import { joinServer } from './join.ts'
import { placeServer } from './placement.ts'
import { isServerOf, stopServer } from './postmaster.ts'
import { APP_DATABASE, LOGINS, provision } from './provision.ts'
import { savedState } from './saved-state.ts'

const WATCH_MS = 1_000
const STOP_PATIENCE_MS = 15_000

/**
 * Starts the PostgreSQL that comes with Countersign on `dataDir`, or joins the one that runs there.
 * It listens on 127.0.0.1 only; its port and passwords stay the same from start to start. Should the
 * server die while we run, it is started again. Several processes may share one folder: the last one
 * that stops, stops the server.
 * @throws EmbeddedError whose message names the next step
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const place = await placeServer({ ...options, binaries: options.binaries ?? (await findBinaries()) })
  const state = await savedState(place.home)
  const { passwords } = state
  const dataDir = path.join(place.home, 'data')
  if (!(await stat(path.join(dataDir, 'PG_VERSION')).catch(() => undefined))) {
    await createCluster({ ...place, dataDir, password: passwords.superuser })
  }
  let server = await joinServer(place, state, { port: options.port, patienceMs: options.patienceMs })
  await provision(server.lease.db, passwords)

  // From here on the port is fixed: it is part of the URLs that were handed out.
  const { port, adopted } = server
  let watching: Promise<void> | undefined
  const watch = setInterval(() => {
    watching ??= keepAlive().finally(() => {
      watching = undefined
    })
  }, WATCH_MS)
  watch.unref()

  async function keepAlive(): Promise<void> {
    try {
      if (await isServerOf(server.pid, dataDir)) return await server.lease.renew()
      await server.lease.release()
      server = await joinServer(place, state, { port, patienceMs: options.patienceMs })
      options.onNotice?.('the embedded PostgreSQL had ended and was started again')
    } catch (error) {
      options.onNotice?.(`the embedded PostgreSQL is not reachable: ${(error as Error).message}`)
    }
  }

  async function stop(): Promise<void> {
    clearInterval(watch)
    await watching
    const alone = await server.lease.tryAlone().catch(() => false)
    if (alone) await stopServer(server.pid, dataDir, STOP_PATIENCE_MS)
    await server.lease.release()
  }

  const urlFor = (database: string, login: string, password: string) =>
    `postgres://${login}:${password}@127.0.0.1:${port}/${database}`
  const adminUrlFor = (database: string) => urlFor(database, 'postgres', passwords.superuser)
  let stopped: Promise<void> | undefined
  return {
    url: urlFor(APP_DATABASE, LOGINS.app.login, passwords.app),
    sealerUrl: urlFor(APP_DATABASE, LOGINS.sealer.login, passwords.sealer),
    ownerUrl: urlFor(APP_DATABASE, LOGINS.owner.login, passwords.owner),
    superuserUrl: adminUrlFor('postgres'),
    adminUrlFor,
    port,
    adopted,
    home: place.home,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

export interface EmbeddedOptions {
  dataDir: string
  /** Exactly this port, or an error. Otherwise a free one is chosen at the first start and kept. */
  port?: number
  /** What happened to the server while it ran, for the log. */
  onNotice?: (message: string) => void
  /** For tests: other programs, and another place for what root's server user must reach. */
  binaries?: Binaries
  systemRoot?: string
  /** How long a server that says it is ready may stay silent, and one that is told to stop may take. */
  patienceMs?: number
}

export interface Embedded {
  /** The application's login. */
  url: string
  /** The sealer's login. */
  sealerUrl: string
  /** The login for migrations: may act as the owner. */
  ownerUrl: string
  /** The superuser, in the database `postgres`. */
  superuserUrl: string
  /** The superuser, in another database of this server, such as the demo target's. */
  adminUrlFor(database: string): string
  port: number
  /** True when the server ran already. */
  adopted: boolean
  /** Where the cluster, its log and its passwords are. */
  home: string
  /** Ends our use, and the server with it unless another process uses it. A second call does nothing. */
  stop(): Promise<void>
}
