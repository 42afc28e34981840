import { spawn } from 'node:child_process'

/*
 * Runs a program for as long as somebody holds the standard input of this: a program that knows nothing of us
 * must not outlive the tests that started it, however they end.
 */
const [command = '', ...args] = process.argv.slice(2)
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
const end = () => void child.kill('SIGKILL')
process.stdin.on('end', end).on('close', end).resume()
process.on('SIGTERM', end)
child.on('exit', () => process.exit(0))
child.on('error', () => process.exit(1))
