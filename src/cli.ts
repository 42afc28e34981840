import { COMMANDS, type Command } from './cli/commands.ts'
import { explainFailure } from './cli/explain-failure.ts'
import { readArguments, UsageWrong, usageOf } from './cli/read-arguments.ts'
import { DONE, type ExitCode, NO, say, WRONG_USAGE, warn } from './cli/terminal.ts'
import { didYouMean } from './policy/did-you-mean.ts'
import { quote } from './policy/fault.ts'

async function main(argv: readonly string[]): Promise<ExitCode> {
  try {
    const words = argv.filter((word) => !word.startsWith('-'))
    if (argv.length === 0 || argv[0] === 'help') return help(argv.slice(1).join(' '))
    if (argv.includes('--help') || argv.includes('-h')) return help(words.join(' '))
    const command = find(argv.join(' ')) ?? unknown(words.slice(0, 2).join(' ') || argv.join(' '))
    return await command.run(readArguments(command, argv.slice(command.name.split(' ').length)))
  } catch (error) {
    warn(explainFailure(error))
    return error instanceof UsageWrong ? WRONG_USAGE : NO
  }
}

/** The command that a line begins with. No name is the beginning of another. */
function find(line: string): Command | undefined {
  return COMMANDS.find(({ name }) => `${line} `.startsWith(`${name} `))
}

function unknown(said: string): never {
  const names = ['help', ...COMMANDS.map(({ name }) => name)]
  const family = names.filter((name) => name.startsWith(`${said.split(' ')[0]} `))
  const otherwise = `There is ${(family.length > 0 ? family : names).join(', ')}.`
  throw new UsageWrong(
    `${quote(said)} is no command. ${didYouMean(said, names, otherwise)}\nSee: npm run -s countersign -- help`,
  )
}

/** @param about the beginning of a command's name, or a line that begins with one; empty for all */
function help(about: string): ExitCode {
  const meant = find(about)
  const shown = meant ? [meant] : COMMANDS.filter(({ name }) => about === '' || `${name} `.startsWith(`${about} `))
  if (shown.length === 0) unknown(about)
  say('npm run -s countersign -- <command>\n')
  if (about === '') say(entry('help [command]', 'lists the commands'))
  for (const command of shown) say(entry(usageOf(command), command.about))
  say('\nIt ends with 0 when all is well, 1 for a no or a failure, 2 when the command line is wrong.')
  return DONE
}

function entry(usage: string, about: string): string {
  if (usage.length <= USAGE_WIDTH) return `  ${usage.padEnd(USAGE_WIDTH)}  ${about}`
  return `  ${usage}\n${' '.repeat(USAGE_WIDTH + 4)}${about}`
}

const USAGE_WIDTH = 40

// Whoever read has gone, as `| head` does: there is nobody to tell the rest.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(NO)
  })
}

const code = await main(process.argv.slice(2))
// A process that serves goes on, and may have set its own by now.
if (code !== DONE) process.exitCode = code
