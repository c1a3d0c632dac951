import type { Readable } from 'node:stream'
import type { ParseArgsOptionsConfig } from 'node:util'

export interface Output {
  write(text: string): unknown
}

/** Where a command reads and prints. */
export interface CliIo {
  readonly stdin: Readable
  readonly stdout: Output
  readonly stderr: Output
}

export interface CommandInput {
  /** Values of the options by name, without the dashes. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  readonly positionals: readonly string[]
  /** The file that `--config` names. */
  readonly configFile: string | undefined
}

export interface Command {
  /** The words that call it: `user create`. */
  readonly name: string
  /** What stands behind the name in the help: `NAME --password-stdin [--admin]`. */
  readonly usage: string
  readonly summary: string
  /** More lines for `ringback help NAME`. */
  readonly details?: readonly string[]
  readonly options?: ParseArgsOptionsConfig
  /** Names of the words behind the command; all of them are required. */
  readonly positionals?: readonly string[]
  /** Resolves with the exit code; 0 when it returns nothing. */
  run(input: CommandInput, io: CliIo): Promise<number | undefined>
}

/** The command line cannot be understood, or asks for what cannot be done; the message is one sentence. */
export class UsageError extends Error {
  override name = 'UsageError'
}
