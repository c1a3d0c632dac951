import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { ConfigError } from './config-error.ts'
import { derive, findConflicts, findWarnings } from './derive.ts'
import { applyEnvironment, type Environment } from './environment.ts'
import { prepare } from './prepare.ts'
import { explainIssues } from './problems.ts'
import { type Config, configSchema } from './schema.ts'
import { isRecord, type Raw, schemaTree } from './tree.ts'

export interface LoadedConfig {
  readonly config: Config
  /** One sentence each about what is allowed, but seldom meant. */
  readonly warnings: readonly string[]
  /** The file that was read, undefined when there is none. */
  readonly source: string | undefined
}

export interface LoadOptions {
  env?: Environment
  cwd?: string
  /** Read this file instead of the one that `RINGBACK_CONFIG` names, else `config.yaml` where there is one. */
  file?: string
}

/**
 * Reads the configuration from its file, the environment and secret files. Throws a `ConfigError` that lists everything
 * that is wrong.
 */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const { env = process.env, cwd = process.cwd() } = options
  const named = options.file ?? env.RINGBACK_CONFIG
  const file = resolve(cwd, named || 'config.yaml')
  const text = readText(file, Boolean(named))
  const folder = text === undefined ? cwd : dirname(file)
  const raw = text === undefined ? {} : parseText(text, file)
  const fromEnvironment = applyEnvironment(raw, env, cwd)
  const problems = [...fromEnvironment.problems, ...prepare(raw, schemaTree, folder)]
  const parsed = configSchema.safeParse(raw)
  if (!parsed.success) problems.push(...explainIssues(parsed.error.issues, raw, fromEnvironment.origins))
  const config = parsed.success ? derive(parsed.data, folder) : undefined
  if (config) problems.push(...findConflicts(config))
  if (!config || problems.length > 0) throw new ConfigError(problems)
  return {
    config,
    warnings: [...fromEnvironment.warnings, ...findWarnings(config)],
    source: text === undefined ? undefined : file,
  }
}

function readText(file: string, required: boolean): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    if (code === 'ENOENT' && !required) return undefined
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    throw new ConfigError([`The configuration file ${file} ${reason}.`])
  }
}

function parseText(text: string, file: string): Raw {
  const document = parseDocument(text)
  const [error] = document.errors
  if (error) throw new ConfigError([`${file} is not valid YAML: ${error.message.split('\n')[0]?.replace(/:$/, '')}.`])
  const value: unknown = document.toJS() ?? {}
  if (!isRecord(value)) throw new ConfigError([`${file} must hold keys and values such as "server_name: example.org".`])
  return value
}
