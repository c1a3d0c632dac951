import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export type Log = Logger
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export interface LogOptions {
  level: LogLevel
  /** `auto` is `pretty` on a terminal and `json` elsewhere. */
  format: 'auto' | 'json' | 'pretty'
  /** Where lines go; standard output unless a test wants to read them. */
  write?: (line: string) => void
}

const secretKeys = 'access_token|refresh_token|login_token|authorization|password|shared_secret|as_token|hs_token'
const inQuery = new RegExp(`\\b(${secretKeys})=[^&\\s"'\\\\]+`, 'gi')
const inJson = new RegExp(`(\\\\?"(?:${secretKeys})\\\\?":\\s*\\\\?")[^"\\\\]+`, 'gi')
const inHeader = /\b(Bearer\s+)[\w.~+/=-]+/gi
const inSignature = /\b(sig=\\?"?)[\w+/=-]+/gi

/** Hides access tokens, passwords and authorization headers wherever they stand in a line. */
export function scrubSecrets(line: string): string {
  return line
    .replace(inQuery, '$1=[hidden]')
    .replace(inHeader, '$1[hidden]')
    .replace(inJson, '$1[hidden]')
    .replace(inSignature, '$1[hidden]')
}

/** A logger whose every line has passed `scrubSecrets`, whoever wrote it and however the secret got in. */
export function createLog(options: LogOptions): Log {
  const write = options.write ?? ((line: string) => void process.stdout.write(line))
  const usePretty = options.format === 'pretty' || (options.format === 'auto' && process.stdout.isTTY === true)
  const settings = { level: options.level, base: null }
  if (!usePretty) return pino(settings, { write: (line: string) => write(scrubSecrets(line)) })
  const print = pretty.prettyFactory({
    colorize: options.write === undefined && process.stdout.isTTY === true,
    translateTime: 'SYS:HH:MM:ss',
    singleLine: true,
  })
  return pino(settings, { write: (line: string) => write(String(print(scrubSecrets(line)))) })
}

/** A logger that says nothing, for tests. */
export const silentLog: Log = pino({ level: 'silent' })
