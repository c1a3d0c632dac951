import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { inlineRefs, isObject, loadYaml } from './contract-refs.ts'

/** The specification's data stands beside the repository and is no part of it. */
const specFolder = fileURLToPath(new URL('../../../shared/matrix-spec/', import.meta.url))
const inventory = new URL('../../docs/spec-endpoints.tsv', import.meta.url)

export const hasSpecification = existsSync(`${specFolder}api`)

/** An operation that a homeserver serves. */
export interface Operation {
  readonly method: string
  readonly path: string
  readonly file: string
}

let byMethod: Map<string, { segments: string[]; operation: Operation }[]> | undefined

function operations() {
  if (byMethod) return byMethod
  byMethod = new Map()
  for (const row of readFileSync(inventory, 'utf8').split('\n').slice(1)) {
    const columns = row.split('\t')
    const [api = '', method = '', path = ''] = columns
    if (api !== 'client-server' && api !== 'server-server') continue
    const operation = { method, path, file: `${specFolder}${columns[14]?.replace(/^data\//, '')}` }
    const list = byMethod.get(method) ?? []
    byMethod.set(method, list)
    list.push({ segments: segmentsOf(path), operation })
  }
  return byMethod
}

/** The operation of a path or path template; `r0` paths count as `v3`. Undefined for what the specification does not know. */
export function findOperation(method: string, path: string): Operation | undefined {
  const segments = segmentsOf(path.replace(/\?.*/s, '').replace('/r0/', '/v3/'))
  let best: { fixed: number; operation: Operation } | undefined
  for (const { segments: template, operation } of operations().get(method === 'HEAD' ? 'GET' : method) ?? []) {
    const fixed = matchLength(template, segments)
    if (fixed !== undefined && (!best || fixed > best.fixed)) best = { fixed, operation }
  }
  return best?.operation
}

function segmentsOf(path: string): string[] {
  return path.replace(/(?<=.)\/$/, '').split('/')
}

/** How many segments match word for word; undefined where the template does not match. */
function matchLength(template: readonly string[], segments: readonly string[]): number | undefined {
  // An empty state key may be left out together with its slash.
  const lacksKey = template.at(-1) === '{stateKey}' && template.length === segments.length + 1
  if (template.length !== segments.length && !lacksKey) return undefined
  let fixed = 0
  for (const [i, segment] of segments.entries()) {
    if (template[i] === segment) fixed++
    else if (!template[i]?.startsWith('{')) return undefined
  }
  return fixed
}

/** What the specification says about an operation's answer with some status: nothing, no JSON, or a schema. */
export type Declared = { kind: 'undeclared' } | { kind: 'opaque' } | { kind: 'json'; schema: unknown }

export function declaredResponse(operation: Operation, status: number): Declared {
  const responses = responsesOf(operation)
  const response = responses[String(status)] ?? responses[`${Math.floor(status / 100)}XX`] ?? responses.default
  if (!isObject(response)) return { kind: 'undeclared' }
  const content = isObject(response.content) ? response.content : {}
  const json = content['application/json']
  if (!isObject(json)) return { kind: 'opaque' }
  return { kind: 'json', schema: json.schema }
}

function responsesOf({ method, path, file }: Operation): Record<string, unknown> {
  const document = loadYaml(file)
  const base = basePathOf(document)
  const paths = isObject(document) && isObject(document.paths) ? document.paths : {}
  for (const [template, methods] of Object.entries(paths)) {
    const operation = isObject(methods) ? methods[method.toLowerCase()] : undefined
    if (base + template !== path || !isObject(operation)) continue
    const responses = inlineRefs(operation.responses, file)
    return isObject(responses) ? responses : {}
  }
  throw new Error(`${file} has no ${method} ${path}`)
}

function basePathOf(document: unknown): string {
  const servers = isObject(document) ? document.servers : undefined
  const variables = Array.isArray(servers) && isObject(servers[0]) ? servers[0].variables : undefined
  const basePath = isObject(variables) && isObject(variables.basePath) ? variables.basePath.default : undefined
  return typeof basePath === 'string' ? basePath.replace(/\/$/, '') : ''
}
