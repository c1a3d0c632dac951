import type { Command } from './command.ts'

const footer = `Options of every command:
  --config FILE   read this configuration instead of RINGBACK_CONFIG or ./config.yaml
  --help          show this help, or that of a command
  --version       show the version
`

/** The page that `ringback --help` prints. */
export function generalHelp(commands: readonly Command[]): string {
  const calls = commands.map((command) => `  ringback ${callOf(command)}`)
  const width = Math.max(...calls.map((call) => call.length)) + 2
  const lines = commands.map((command, i) => `${(calls[i] ?? '').padEnd(width)}${command.summary}`)
  return `Ringback, a Matrix homeserver.\n\n${lines.join('\n')}\n\n${footer}`
}

/** The page of one command. */
export function commandHelp(command: Command): string {
  const details = command.details?.length ? `\n${command.details.map((line) => `  ${line}`).join('\n')}\n` : ''
  return `ringback ${callOf(command)}\n\n${command.summary}\n${details}\n${footer}`
}

function callOf(command: Command): string {
  return `${command.name} ${command.usage}`.trimEnd()
}
