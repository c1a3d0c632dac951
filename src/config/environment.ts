import { resolve } from 'node:path'
import { parse as parseYaml } from 'yaml'
import { nearest } from '../util/nearest.ts'
import { accepts, isRecord, knownKeys, type Path, type Raw, type SchemaNode, schemaTree } from './tree.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const prefix = 'RINGBACK__'

export interface EnvironmentResult {
  /** Dotted path of each key that was set, with the name of its variable. */
  readonly origins: ReadonlyMap<string, string>
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** Writes `RINGBACK__SECTION__KEY` variables into `raw`. Relative paths in them are taken from `cwd`. */
export function applyEnvironment(raw: Raw, env: Environment, cwd: string): EnvironmentResult {
  const origins = new Map<string, string>()
  const problems: string[] = []
  const warnings: string[] = []
  for (const name of Object.keys(env).sort()) {
    const value = env[name]
    if (value === undefined) continue
    if (!name.startsWith(prefix)) {
      const hint = misspelt(name)
      if (hint) warnings.push(hint)
      continue
    }
    const parts = name.slice(prefix.length).toLowerCase().split('__')
    const found = locate(parts)
    if ('unknown' in found) {
      problems.push(found.unknown.replace('VARIABLE', name))
      continue
    }
    const parsed = parseValue(value, found.node)
    const isPath = found.node.path === true || found.isFile
    set(raw, found.path, isPath && typeof parsed === 'string' ? resolve(cwd, parsed) : parsed)
    origins.set(found.path.join('.'), name)
  }
  return { origins, problems, warnings }
}

/** Finds the key that a variable means; `<secret>_file` counts as a key. */
function locate(parts: readonly string[]): { path: Path; node: SchemaNode; isFile: boolean } | { unknown: string } {
  const path: (string | number)[] = []
  let node = schemaTree
  for (const [i, part] of parts.entries()) {
    const isIndex = node.items !== undefined && /^\d{1,3}$/.test(part)
    const secretKey =
      i === parts.length - 1 && part.endsWith('_file') ? node.properties?.[part.slice(0, -5)] : undefined
    const next = isIndex ? node.items : (node.properties?.[part] ?? (node.additionalProperties || undefined))
    if (!next && secretKey?.secret) return { path: [...path, part], node: secretKey, isFile: true }
    if (!next) {
      const guess = nearest(part, knownKeys(node))
      const right = guess === undefined ? undefined : prefix + [...parts.slice(0, i), guess].join('__').toUpperCase()
      const fix = right ? `did you mean ${right}?` : `known here: ${knownKeys(node).join(', ') || 'nothing'}.`
      return { unknown: `The environment variable VARIABLE sets no known key; ${fix}` }
    }
    path.push(isIndex ? Number(part) : part)
    node = next
  }
  return { path, node, isFile: false }
}

function parseValue(value: string, node: SchemaNode): unknown {
  if (accepts(node, 'string')) return value
  const isList = node.items !== undefined && accepts(node.items, 'string') && !value.trimStart().startsWith('[')
  if (isList) return value.split(',').flatMap((item) => item.trim() || [])
  try {
    return parseYaml(value) as unknown
  } catch {
    // What is no YAML is judged, and named in the error, as the text that it is.
    return value
  }
}

function set(raw: Raw, path: Path, value: unknown): void {
  let holder: Raw | unknown[] = raw
  for (const [i, part] of path.entries()) {
    const slot = holder as Record<string | number, unknown>
    if (i === path.length - 1) {
      // A secret from the environment replaces one from the file, however each of them was given.
      if (typeof part === 'string') delete slot[part.endsWith('_file') ? part.slice(0, -5) : `${part}_file`]
      slot[part] = value
      return
    }
    const inner = slot[part]
    const next: Raw | unknown[] =
      isRecord(inner) || Array.isArray(inner) ? inner : typeof path[i + 1] === 'number' ? [] : {}
    slot[part] = next
    holder = next
  }
}

/** `RINGBACK_LOG_LEVEL` instead of `RINGBACK__LOG__LEVEL`. */
function misspelt(name: string): string | undefined {
  const match = /^RINGBACK_([A-Z_]+)$/.exec(name)
  const rest = match?.[1]
  if (!rest || rest === 'CONFIG') return undefined
  const key = rest.toLowerCase()
  for (const section of knownKeys(schemaTree)) {
    const inner = key.startsWith(`${section}_`) ? key.slice(section.length + 1) : undefined
    if (key === section) return `${name} is ignored; did you mean ${prefix}${rest}?`
    if (inner && knownKeys(schemaTree.properties?.[section]).includes(inner)) {
      return `${name} is ignored; did you mean ${prefix}${section.toUpperCase()}__${inner.toUpperCase()}?`
    }
  }
  return undefined
}
