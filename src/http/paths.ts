import { errors } from '../matrix/errors.ts'
import type { Endpoint, Surface } from './endpoint.ts'

const surfacePrefixes: readonly (readonly [string, Surface])[] = [
  ['/_matrix/media/', 'media'],
  ['/_matrix/client/v1/media/', 'media'],
  ['/_matrix/client/', 'client'],
  ['/_matrix/static/', 'client'],
  ['/_ringback/v1/', 'client'],
  ['/.well-known/matrix/client', 'client'],
  ['/.well-known/matrix/support', 'client'],
  ['/.well-known/matrix/server', 'federation'],
  ['/.well-known/matrix/policy_server', 'federation'],
  ['/_matrix/federation/', 'federation'],
  ['/_matrix/key/', 'federation'],
  ['/_matrix/policy/', 'federation'],
  ['/_synapse/admin/', 'admin'],
  ['/_ringback/admin/', 'admin'],
]

/** The surface that a path belongs to; what has no prefix of an API is a page. */
export function surfaceOf(path: string): Surface {
  for (const [prefix, surface] of surfacePrefixes) if (path.startsWith(prefix)) return surface
  return 'pages'
}

/** All path templates that an endpoint answers: its own, its aliases, and the `r0` form of each `v3` path. */
export function pathsOf(endpoint: Pick<Endpoint, 'path' | 'also'>): string[] {
  const paths = new Set([endpoint.path, ...(endpoint.also ?? [])])
  for (const path of [...paths]) {
    if (/^\/_matrix\/(client|media)\/v3\//.test(path)) paths.add(path.replace('/v3/', '/r0/'))
  }
  return [...paths].map(withoutTrailingSlash)
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

/** The path of a request target as routes are matched: raw, without its query, one trailing slash and doubled leading ones. */
export function routingPath(target: string): string {
  const query = target.indexOf('?')
  let path = query < 0 ? target : target.slice(0, query)
  while (path.startsWith('//')) path = path.slice(1)
  return withoutTrailingSlash(path)
}

/**
 * Makes the function that reads a template's parameters out of a matching raw path. A parameter of `names` that the
 * template lacks is the empty string: so `.../state/{eventType}` can be an alias of `.../state/{eventType}/{stateKey}`.
 */
export function paramReader(template: string, names: readonly string[]): (path: string) => Record<string, string> {
  const segments = template.split('/')
  const places = names.map((name) => [name, segments.indexOf(`{${name}}`)] as const)
  return (path) => {
    const raw = path.split('/')
    const params: Record<string, string> = {}
    for (const [name, index] of places) params[name] = decodeSegment(raw[index] ?? '')
    return params
  }
}

/** The names of a template's parameters in their order. */
export function paramNames(template: string): string[] {
  return Array.from(template.matchAll(/\{(\w+)\}/g), (match) => match[1] ?? '')
}

function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment
  const text = decodeUtf8(segment)
  // No identifier has it, and PostgreSQL cannot store it.
  if (text.includes('\0')) throw errors.invalidParam('The path has a character that is not allowed: U+0000')
  return text
}

function decodeUtf8(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw errors.invalidParam('The path is not percent-encoded UTF-8')
  }
}
