import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'
import type { core } from 'zod'
import { ConfigError } from '../../config/config-error.ts'
import { requirement } from '../../config/problems.ts'
import { formatPath } from '../../config/tree.ts'
import { missingHints, type Registration, registrationSchema } from './registration.ts'

const secrets = new Set(['as_token', 'hs_token'])

/**
 * Reads the registration files of application services. Keys that we do not know are passed over, as other servers have
 * some of their own. Throws a `ConfigError` that lists everything that is wrong with file, key and fix.
 */
export function readRegistrations(files: readonly string[]): Registration[] {
  const problems: string[] = []
  const read: { file: string; registration: Registration }[] = []
  for (const file of files) {
    const registration = readOne(file, problems)
    if (registration !== undefined) read.push({ file, registration })
  }
  for (const [i, { file, registration }] of read.entries()) {
    const { id, asToken } = registration
    const earlier = read.slice(0, i)
    const sameId = earlier.find((other) => other.registration.id === id)
    const sameToken = earlier.find((other) => other.registration.asToken === asToken)
    if (sameId) problems.push(`${file}: id is "${id}" like that of ${sameId.file}; give one of them another name.`)
    if (sameToken) problems.push(`${file}: as_token is that of ${sameToken.file}; make a new one and tell the service.`)
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return read.map(({ registration }) => registration)
}

function readOne(file: string, problems: string[]): Registration | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    problems.push(`The registration file ${file} ${reason}; correct appservices.registration_files.`)
    return undefined
  }
  const document = parseDocument(text)
  const [fault] = document.errors
  if (fault) {
    problems.push(`${file} is not valid YAML: ${fault.message.split('\n')[0]?.replace(/:$/, '')}.`)
    return undefined
  }
  const raw: unknown = document.toJS()
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    problems.push(`${file} must hold keys and values such as "id: irc".`)
    return undefined
  }
  const parsed = registrationSchema.safeParse(raw)
  if (parsed.success) return parsed.data
  problems.push(...parsed.error.issues.map((issue) => `${file}: ${explain(issue, raw)}.`))
  return undefined
}

function explain(issue: core.$ZodIssue, raw: unknown): string {
  const path = issue.path.filter((part) => typeof part !== 'symbol')
  const key = formatPath(path)
  const value = valueAt(raw, path)
  const name = String(path.at(-1) ?? '')
  if (value === undefined || value === null) return `${key} is missing; ${missingHints[name] ?? 'it is required'}`
  const shown = secrets.has(name) ? 'set' : JSON.stringify(value)
  return `${key} is ${shown}, but ${requirement(issue)}`
}

function valueAt(raw: unknown, path: readonly (string | number)[]): unknown {
  let value = raw
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, part)
  }
  return value
}
