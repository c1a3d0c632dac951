import { posix } from 'node:path'
import { codeOnly, type Import, importsOf } from './source-text.ts'

/** Source texts by path from the root of the project. */
export type Sources = ReadonlyMap<string, string>

/** Features import only from their left. */
const features = [
  'federation/client',
  'accounts',
  'media',
  'rooms',
  'e2ee',
  'push',
  'sync',
  'federation/sender',
  'federation/server',
  'voip',
  'bots',
  'admin',
]
/** Foundations see `util` and `matrix`, never each other; only the job queue, which is a table, sees the database. */
const foundations = ['config', 'db', 'http', 'jobs']
const networkModules = /^(?:node:)?(?:http|https|http2|net|tls|dgram)$|^(?:undici|axios|got|node-fetch|ky)$/
const impureModules =
  /^(?:node:)?(?:fs|http|https|http2|net|tls|dgram|dns|child_process|worker_threads|timers|os|process)(?:\/|$)/

/** Everything that breaks the rules of the house, one line each: the file, then what is wrong. */
export function findViolations(sources: Sources): string[] {
  const graph = new Map<string, string[]>()
  const violations: string[] = []
  for (const [path, source] of sources) {
    if (path.endsWith('.test.ts')) continue
    const imports = importsOf(source)
    const report = (message: string) => violations.push(`${path}: ${message}`)
    const ours: string[] = []
    for (const item of imports) {
      const target = resolveImport(path, item.specifier)
      if (target) ours.push(target)
      for (const message of target ? checkImport(path, target, item) : checkPackage(path, item)) report(message)
    }
    for (const message of checkCode(path, codeOnly(source))) report(message)
    graph.set(path, ours)
  }
  return [...violations, ...findCycles(graph)]
}

function resolveImport(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : undefined
}

/** `rooms`, `federation/client`, `util`, or `top` for what composes the server. */
export function layerOf(path: string): string {
  const match = /^src\/(?:(federation\/[^/]+|[^/]+)\/)?[^/]+/.exec(path)
  if (!match) return 'outside'
  const folder = match[1] ?? 'top'
  return folder === 'cli'
    ? 'top'
    : folder
        .split('/')
        .slice(0, folder.startsWith('federation/') ? 2 : 1)
        .join('/')
}

function checkImport(path: string, target: string, item: Import): string[] {
  const from = layerOf(path)
  const to = layerOf(target)
  const found: string[] = []
  const isStore = /\/store[^/]*\.ts$/.test(target)
  const isRoutes = /\/routes[^/]*\.ts$/.test(path)
  if (isStore && from !== to) found.push(`imports ${target}, but SQL is reached by its own feature only`)
  if (isStore && isRoutes) found.push(`imports ${target}, but routes reach services through the context`)
  if (to === 'top' && from !== 'top') {
    const isContext = target === 'src/context.ts' && isRoutes
    if (!isContext) found.push(`imports ${target}, which nobody may import`)
    else if (!item.isType) found.push('imports the context as a value; use "import type"')
  } else if (!mayImport(from, to, target)) {
    found.push(`imports ${target}: ${from} may not import ${to}`)
  }
  return found
}

function mayImport(from: string, to: string, target: string): boolean {
  if (from === to || from === 'top') return true
  if (from === 'outside') return !target.startsWith('src/')
  if (to === 'outside') return from === 'db' && target.startsWith('migrations/')
  if (from === 'util') return false
  if (to === 'util') return true
  if (from === 'matrix') return false
  if (to === 'matrix') return true
  if (foundations.includes(from)) return from === 'jobs' && to === 'db'
  if (foundations.includes(to)) return true
  const [left, right] = [features.indexOf(to), features.indexOf(from)]
  return left >= 0 && right >= 0 && left < right
}

function checkPackage(path: string, { specifier, isType, names }: Import): string[] {
  const layer = layerOf(path)
  if (layer === 'matrix' && impureModules.test(specifier)) return [`imports ${specifier}, but matrix/ does no I/O`]
  const isClient =
    !isType && networkModules.test(specifier) && /\b(?:request|get|fetch|connect|default)\b/.test(`${names} `)
  const mayConnect = layer === 'util' || layer === 'outside'
  return isClient && !mayConnect ? [`imports ${specifier} to send requests; use util/safe-fetch.ts`] : []
}

interface CodeRule {
  readonly pattern: RegExp
  readonly allowed: RegExp
  readonly message: string
}

const codeRules: readonly CodeRule[] = [
  { pattern: /^\s*export\s+default\b|\bas\s+default\b/m, allowed: /^$/, message: 'has a default export' },
  { pattern: /\bprocess\s*\.\s*env\b/, allowed: /^src\/config\//, message: 'reads process.env outside config/' },
  {
    pattern: /\bDate\s*\.\s*now\b|\bnew\s+Date\s*(?:\(\s*\)|(?=[\s;,).\]}]|$)(?!\s*\())|(?<!new\s)\bDate\s*\(\s*\)/m,
    allowed: /^src\/util\/clock\.ts$/,
    message: 'asks the system for the time; use a Clock',
  },
  {
    pattern: /\bMath\s*\.\s*random\b/,
    allowed: /^src\/util\/clock\.ts$/,
    message: 'uses Math.random; use util/random.ts',
  },
  {
    pattern:
      /(?:\b(?:await|return|void|yield)[ \t]+|[=(?:|&[>!][ \t]*|,[ \t]+)fetch[ \t]*\(|\bglobalThis\s*\.\s*fetch\b|^[ \t]*fetch[ \t]*\((?![^\n]*\)[ \t]*(?::|\{))/m,
    allowed: /^src\/util\/safe-fetch\.ts$/,
    message: 'calls the global fetch; use util/safe-fetch.ts',
  },
  { pattern: /\bconsole\s*\./, allowed: /^src\/cli(?:\.ts$|\/)/, message: 'uses console; use a Log' },
]

function checkCode(path: string, code: string): string[] {
  const inSource = path.startsWith('src/')
  return codeRules
    .filter((rule, i) => (inSource || i === 0) && !rule.allowed.test(path) && rule.pattern.test(code))
    .map((rule) => rule.message)
}

/** One line for each import that closes a circle. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    const at = trail.indexOf(path)
    if (at >= 0) cycles.push(`${path}: imports itself by way of ${trail.slice(at + 1).join(', ') || 'nothing else'}`)
    if (at >= 0 || done.has(path)) return
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return cycles
}
