import { parseArgs } from 'node:util'
import { nearest } from '../util/nearest.ts'
import { readVersion } from '../util/version.ts'
import { type CliIo, type Command, UsageError } from './command.ts'
import { commands as allCommands } from './commands.ts'
import { explainError } from './explain-error.ts'
import { commandHelp, generalHelp } from './help.ts'

const globalOptions = {
  config: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

/** Runs the command line `ringback ...args` and resolves with its exit code; every error becomes a sentence on stderr. */
export async function runCli(args: string[], io: CliIo, commands: readonly Command[] = allCommands): Promise<number> {
  try {
    return (await dispatch(args, io, commands)) ?? 0
  } catch (error) {
    io.stderr.write(`${explainError(error)}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

async function dispatch(args: string[], io: CliIo, commands: readonly Command[]): Promise<number | undefined> {
  const isHelp = args[0] === 'help'
  const words = isHelp ? args.slice(1) : args
  const command = commands.find(({ name }) => startsWith(words, name.split(' ')))
  if (!command) {
    if (words.includes('--version') || words.includes('-v')) io.stdout.write(`${readVersion()}\n`)
    else if (isHelp || words.length === 0 || words.includes('--help') || words.includes('-h')) {
      io.stdout.write(generalHelp(commands))
    } else throw new UsageError(explainUnknown(words, commands))
    return 0
  }
  const { values, positionals } = parse(command, words.slice(command.name.split(' ').length))
  if (values.version) io.stdout.write(`${readVersion()}\n`)
  else if (isHelp || values.help) io.stdout.write(commandHelp(command))
  else {
    checkPositionals(command, positionals)
    const { config, help: _help, version: _version, ...options } = values
    return command.run({ options, positionals, configFile: typeof config === 'string' ? config : undefined }, io)
  }
  return 0
}

function startsWith(words: readonly string[], name: readonly string[]): boolean {
  return name.every((word, i) => words[i] === word)
}

function parse(command: Command, args: string[]) {
  const options = { ...command.options, ...globalOptions }
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true })
    return { values: values as Record<string, string | boolean | undefined>, positionals }
  } catch (error) {
    const unknown = args.find((arg) => arg.startsWith('--') && !(arg.slice(2).replace(/=.*/, '') in options))
    const guess = unknown && nearest(unknown.slice(2), Object.keys(options))
    if (unknown)
      throw new UsageError(`"${command.name}" has no option ${unknown}${guess ? `; did you mean --${guess}?` : '.'}`)
    throw new UsageError(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
  }
}

function checkPositionals(command: Command, given: readonly string[]): void {
  const wanted = command.positionals ?? []
  const missing = wanted[given.length]
  if (missing) throw new UsageError(`${missing} is missing: ringback ${command.name} ${command.usage}`)
  const surplus = given[wanted.length]
  if (surplus !== undefined) throw new UsageError(`"${command.name}" does not know what to do with "${surplus}".`)
}

function explainUnknown(words: readonly string[], commands: readonly Command[]): string {
  const given = words.filter((word) => !word.startsWith('-')).slice(0, 2)
  const called = given.join(' ') || words[0] || ''
  const guess = nearest(
    called,
    commands.map(({ name }) => name),
  )
  const group = commands.filter(({ name }) => name.startsWith(`${given[0]} `)).map(({ name }) => `"${name}"`)
  if (guess) return `There is no command "${called}"; did you mean "ringback ${guess}"?`
  if (group.length > 0) return `There is no command "${called}", but ${group.join(' and ')}.`
  return `There is no command "${called}"; "ringback --help" lists them.`
}
