import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Verdict, verifyEvidence } from '../../src/record/verify.ts'

/** The verifier in Python, started once for many files. A traceback ends it, and fails whoever asks. */
export function startPythonVerifier(): PythonVerifier {
  const child = spawn('python3', ['-B', 'test/verifier/many.py'], { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = Promise.withResolvers<never>()
  ended.promise.catch(() => {})
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaint += text
  })
  child.on('error', (cause) => ended.reject(new Error('python3 is needed: install it', { cause })))
  child.on('close', () => ended.reject(new Error(`the verifier in Python ended: ${complaint}`)))
  child.stdin.on('error', () => {}) // `close` says why.
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async ask(file, { vkey, earlier }) {
      const notes = earlier.map((note) => Buffer.from(note).toString('base64'))
      child.stdin.write(`${JSON.stringify({ file: file.toString('base64'), key: vkey ?? null, earlier: notes })}\n`)
      const line = await Promise.race([lines.next(), ended.promise])
      if (line.done) return ended.promise
      const [verdict, said] = JSON.parse(line.value)
      return { verdict, said }
    },
    async stop() {
      if (child.exitCode !== null || child.pid === undefined) return
      child.stdin.end()
      await once(child, 'close')
    },
  }
}

/** What both verifiers say of a file. Without a key they use the file's own. */
export async function askBoth(python: PythonVerifier, file: Buffer, options: Options) {
  const { verdict: ours, reasons } = verifyEvidence(file, options)
  const { verdict: theirs, said } = await python.ask(file, options)
  return { ours, theirs, codes: reasons.map(({ code }) => code), said }
}

export interface PythonVerifier {
  ask(file: Buffer, options: Options): Promise<{ verdict: Verdict['verdict']; said: string[] }>
  stop(): Promise<void>
}

export interface Options {
  readonly vkey?: string
  readonly earlier: readonly string[]
}
