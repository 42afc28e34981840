import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { zip } from './zip.ts'

/*
 * `npm run teams:package` puts the app together as an administrator uploads it to Teams: the manifest with your app's id
 * and address, and the two icons.
 */
const FOLDER = import.meta.dirname
const FILE = 'countersign-teams.zip'
const GUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i
const PLACEHOLDER = { id: '00000000-0000-0000-0000-000000000000', url: 'https://access.example.com' }

/** @returns the archive; the same id and address give the same bytes */
export async function buildPackage(appId: string, publicUrl: string): Promise<Buffer> {
  const text = await readFile(path.join(FOLDER, 'manifest.json'), 'utf8')
  const manifest = text.replaceAll(PLACEHOLDER.id, appId.toLowerCase()).replaceAll(PLACEHOLDER.url, publicUrl)
  const icons = ['color.png', 'outline.png']
  return zip([
    { name: 'manifest.json', data: Buffer.from(manifest) },
    ...(await Promise.all(icons.map(async (name) => ({ name, data: await readFile(path.join(FOLDER, name)) })))),
  ])
}

/** @returns what is wrong, with the next step */
export function faultsOf(environment: Readonly<Record<string, string | undefined>>): string[] {
  const { TEAMS_APP_ID = '', PUBLIC_URL = '' } = environment
  return [
    ...(GUID.test(TEAMS_APP_ID) ? [] : ['TEAMS_APP_ID is no GUID. Set it to the application (client) id of your app']),
    ...(URL.canParse(PUBLIC_URL) && PUBLIC_URL.startsWith('https://')
      ? []
      : ['PUBLIC_URL is no https address. Set it to the address that people reach Countersign at']),
  ]
}

if (import.meta.main) {
  const faults = faultsOf(process.env)
  if (faults.length > 0) {
    process.stderr.write(`${faults.join('\n')}\n`)
    process.exitCode = 2
  } else {
    const { TEAMS_APP_ID = '', PUBLIC_URL = '' } = process.env
    await writeFile(FILE, await buildPackage(TEAMS_APP_ID, new URL(PUBLIC_URL).href.replace(/\/+$/, '')))
    process.stdout.write(
      `Wrote ${FILE}. Upload it in the Teams admin centre: Teams apps, Manage apps, Upload new app.\n`,
    )
  }
}
