import { startEmbedded } from './embedded/start.ts'
import { type PrepareOptions, prepareSchema } from './migrate.ts'
import { openPools, type Pools } from './pools.ts'

export type DatabasePlace =
  /** A server of our own, for the demo: nothing has to be installed. */
  | { readonly kind: 'embedded'; readonly dataDir: string }
  | { readonly kind: 'url'; readonly url: string; readonly sealerUrl?: string; readonly ownerUrl?: string }

export interface OpenDatabase {
  /** For what brings its own driver, as the application's login. */
  readonly url: string
  readonly pools: Pools
  /** The embedded server's superuser, to make the demo's target; null elsewhere. */
  readonly superuserUrl: string | null
  /** Closes the pools, then the embedded server. Twice is harmless. */
  close(): Promise<void>
}

export interface OpenOptions extends PrepareOptions {
  readonly onNotice: (message: string) => void
}

/** Brings up the database that the configuration names, migrates it when this login may, opens the pools. */
export async function openDatabase(place: DatabasePlace, options: OpenOptions): Promise<OpenDatabase> {
  if (place.kind === 'url') {
    const { url, sealerUrl, ownerUrl } = place
    await prepareSchema(url, { ...options, ...(ownerUrl !== undefined && { ownerUrl }) })
    const pools = await openPools({ url, ...(sealerUrl !== undefined && { sealerUrl }), max: 20 })
    return { url, pools, superuserUrl: null, close: () => pools.close() }
  }
  const embedded = await startEmbedded({ dataDir: place.dataDir, onNotice: options.onNotice })
  try {
    await prepareSchema(embedded.url, { ...options, ownerUrl: embedded.ownerUrl, asItIs: false })
    const pools = await openPools({ url: embedded.url, sealerUrl: embedded.sealerUrl, max: 20 })
    return {
      url: embedded.url,
      pools,
      superuserUrl: embedded.superuserUrl,
      async close() {
        await pools.close()
        await embedded.stop()
      },
    }
  } catch (error) {
    await embedded.stop()
    throw error
  }
}
