import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import draft04 from 'ajv-draft-04'
import formats from 'ajv-formats'
import { expect, it } from 'vitest'
import { buildPackage, faultsOf } from '../../../manifest/teams/build-package.ts'
import { VERBS } from '../../../src/domain/verbs.ts'
import { APP_ID } from './tokens.ts'

const FOLDER = path.join(import.meta.dirname, '../../../manifest/teams')
const SCHEMAS = path.join(createRequire(import.meta.url).resolve('@microsoft/app-manifest'), '../json-schemas/teams')
const manifest = JSON.parse(readFileSync(path.join(FOLDER, 'manifest.json'), 'utf8')) as Manifest

interface Manifest {
  readonly $schema: string
  readonly manifestVersion: string
  readonly bots: readonly [
    { readonly commandLists: readonly { readonly commands: readonly { readonly title: string }[] }[] },
  ]
}

it.each(['1.29', '1.30'])('the manifest is what Teams takes by the schema of %s', async (version) => {
  const schema = JSON.parse(await readFile(path.join(SCHEMAS, `v${version}`, 'MicrosoftTeams.schema.json'), 'utf8'))
  const ajv = new draft04.default({ strict: false, allErrors: true })
  formats.default(ajv)
  const validate = ajv.compile(schema)
  const of = { ...manifest, manifestVersion: version, $schema: manifest.$schema.replace('1.29', version) }
  expect([validate(of), validate.errors]).toEqual([true, null])
  expect(validate({ ...of, name: { short: 'x'.repeat(31) } })).toBe(false)
})

it('it asks for no more than is used: no permission, no file, no call, no reading of channels, no web page', () => {
  expect(Object.keys(manifest)).toEqual([
    ...['$schema', 'manifestVersion', 'version', 'id', 'developer', 'name', 'description', 'icons', 'accentColor'],
    ...['defaultInstallScope', 'bots'],
  ])
  expect(manifest.bots).toMatchObject([
    { scopes: ['personal', 'team'], supportsTargetedMessages: true, supportsFiles: false, isNotificationOnly: false },
  ])
})

it('every command in the menus is one that is understood', () => {
  const titles = manifest.bots[0].commandLists.flatMap(({ commands }) => commands.map(({ title }) => title))
  expect(titles.filter((title) => title !== 'access' && !VERBS.some((verb) => verb === title))).toEqual([])
})

it.each([
  ['color.png', 192],
  ['outline.png', 32],
])('%s is a picture of %i by as many, as Teams wants it', (file, size) => {
  const png = readFileSync(path.join(FOLDER, file))
  expect(png.subarray(1, 4).toString()).toBe('PNG')
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([size, size])
})

it('the package holds the three files at its root, your id and address in them, and is the same every time', async () => {
  const archive = await buildPackage(APP_ID.toUpperCase(), 'https://countersign.acme.example')
  expect(await buildPackage(APP_ID, 'https://countersign.acme.example')).toEqual(archive)
  const files = unpack(archive)
  expect([...files.keys()]).toEqual(['manifest.json', 'color.png', 'outline.png'])
  expect(files.get('color.png')).toEqual(readFileSync(path.join(FOLDER, 'color.png')))
  const text = files.get('manifest.json')?.toString() ?? ''
  expect(JSON.parse(text)).toMatchObject({
    id: APP_ID,
    bots: [{ botId: APP_ID }],
    developer: { websiteUrl: 'https://countersign.acme.example' },
  })
  expect(text).not.toMatch(/example\.com|00000000/)
})

it('a package without an id or an https address is refused, both at once', () => {
  expect(faultsOf({ TEAMS_APP_ID: 'x', PUBLIC_URL: 'http://localhost' })).toEqual([
    expect.stringMatching(/^TEAMS_APP_ID is no GUID\. Set/),
    expect.stringMatching(/^PUBLIC_URL is no https address\. Set/),
  ])
  expect(faultsOf({ TEAMS_APP_ID: APP_ID, PUBLIC_URL: 'https://countersign.acme.example' })).toEqual([])
})

/** Reads an archive by its directory, as unpackers do, and checks every sum. */
function unpack(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  const end = archive.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  let at = archive.readUInt32LE(end + 16)
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    expect(archive.toString('latin1', at, at + 4)).toBe('PK\x01\x02')
    const [sum, size, length] = [
      archive.readUInt32LE(at + 16),
      archive.readUInt32LE(at + 20),
      archive.readUInt16LE(at + 28),
    ]
    const name = archive.toString('utf8', at + 46, at + 46 + length)
    const file = archive.readUInt32LE(at + 42)
    expect(archive.toString('latin1', file, file + 4)).toBe('PK\x03\x04')
    const data = archive.subarray(file + 30 + length, file + 30 + length + size)
    expect(crc32(data)).toBe(sum)
    files.set(name, Buffer.from(data))
    at += 46 + length
  }
  return files
}
