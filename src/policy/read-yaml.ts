import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml'
import { codePoint, type Path } from './fault.ts'
import { INVISIBLE } from './names.ts'

/**
 * Reads one YAML document and keeps where everything stands. What YAML allows and a policy must not
 * hold is a fault: aliases, tags, several documents, tabs that indent, characters nobody sees, a password.
 */
export function readYaml(text: string): YamlReading {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_BYTES) {
    const message = `The file has ${bytes} bytes; at most ${MAX_BYTES} are read`
    return { data: undefined, faults: [{ line: 1, column: 1, message, remedy: 'Split off what is no policy' }] }
  }
  const faults = faultsOfText(text)
  const lines = new LineCounter()
  // As numbers, 0998 would be somebody called 998, and two long ids one: what stands there is the name.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, uniqueKeys: false })
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }

  let legible = true
  for (const error of document.errors) {
    legible = false
    if (error.code === 'TAB_AS_INDENT') continue
    faults.push({ ...place(error.pos[0]), ...wordsOf(error.code, error.message) })
    // An exhausted parser repeats itself once for every level that it was deep.
    if (error.code === 'RESOURCE_EXHAUSTION') break
  }
  if (legible) {
    visit(document, {
      Map(_, map) {
        const names = new Set<string>()
        for (const { key } of map.items) {
          const start = place(startOf(key) ?? startOf(map) ?? 0)
          if (!isScalar(key)) {
            legible = false
            faults.push({ ...start, message: 'A list or a block is no name', remedy: 'Write name: value' })
            continue
          }
          const name = String(key.value)
          // __proto__ would vanish on the way into an object, and nobody would look at what stands under it.
          if (name === '__proto__')
            faults.push({ ...start, message: '"__proto__" is not a name', remedy: 'Choose another' })
          if (names.has(name)) faults.push({ ...start, message: 'This name is used twice', remedy: 'Keep one entry' })
          names.add(name)
        }
      },
      Node(_, node) {
        const start = place(node.range?.[0] ?? 0)
        if (isAlias(node) || node.anchor !== undefined) {
          legible = false
          faults.push({
            ...start,
            message: 'Anchors and aliases are not read',
            remedy: 'Write the value out, or use defaults',
          })
        }
        if (node.tag?.startsWith('!') || (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:'))) {
          faults.push({ ...start, message: `The tag ${node.tag} is not read`, remedy: 'Leave the tag out' })
        }
      },
    })
    for (const warning of document.warnings) {
      faults.push({ ...place(warning.pos[0]), message: warning.message, remedy: 'Leave the tag out' })
    }
  }
  const locate = (path: Path, at: 'key' | 'value') => place(offsetOf(document, path, at))
  return { data: legible ? document.toJS({ maxAliasCount: 0 }) : undefined, faults, locate }
}

/** What can be seen in the text alone, so that it is found in comments and in unreadable files too. */
function faultsOfText(text: string): PlacedFault[] {
  const faults: PlacedFault[] = []
  for (const [index, content] of text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n/)
    .entries()) {
    const at = (found: RegExpExecArray) => ({ line: index + 1, column: found.index + 1 })
    const tab = /^ *\t/.exec(content)
    if (tab !== null) faults.push({ ...at(tab), message: 'A tab indents this line', remedy: 'Indent with spaces' })
    const hidden = INVISIBLE.exec(content.replaceAll('\t', ' '))
    if (hidden !== null) {
      const message = `The invisible character ${codePoint(hidden[0])} can make this line read as something else`
      faults.push({ ...at(hidden), message, remedy: 'Delete it, and type the line again by hand' })
    }
    const password = URL_WITH_PASSWORD.exec(content)
    if (password !== null) {
      const remedy = 'Put the URL into a variable or a file, write env:NAME or file:/path here, and change the password'
      faults.push({
        ...at(password),
        message: 'This line holds a password in a URL; the policy is kept on the record',
        remedy,
      })
    }
  }
  return faults
}

function wordsOf(code: string, message: string): { message: string; remedy: string } {
  if (code === 'MULTIPLE_DOCS') return { message: 'A second document starts here', remedy: 'Keep one document a file' }
  if (code === 'RESOURCE_EXHAUSTION')
    return { message: 'The file is nested too deep', remedy: 'Follow docs/policy.example.yaml' }
  return { message: `This is not YAML: ${message}`, remedy: 'Correct the line, or the one before it' }
}

/** Where a path stands; for what is missing, where its nearest parent stands. */
function offsetOf(document: Document, path: Path, at: 'key' | 'value'): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [index, part] of path.entries()) {
    const isLast = index === path.length - 1
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && String(isScalar(item.key) ? item.key.value : item.key) === part,
      )
      if (pair === undefined) return offset
      const key = startOf(pair.key) ?? offset
      offset = isLast && at === 'value' && !isCollection(pair.value) ? (startOf(pair.value) ?? key) : key
      node = pair.value
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part]
      offset = startOf(node) ?? offset
    } else return offset
  }
  return offset
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}

export interface YamlReading {
  /** Undefined when the text could not be read at all. */
  readonly data: unknown
  readonly faults: PlacedFault[]
  readonly locate?: (path: Path, at: 'key' | 'value') => { line: number; column: number }
}

export interface PlacedFault {
  readonly line: number
  readonly column: number
  readonly message: string
  readonly remedy: string
}

const MAX_BYTES = 1024 * 1024
const URL_WITH_PASSWORD = /[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/@:]{0,200}:[^\s/@]{1,200}@/i
