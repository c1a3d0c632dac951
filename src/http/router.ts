import type { Params, Result, Router } from 'hono/router'

interface Branch<T> {
  readonly fixed: Map<string, Branch<T>>
  variable: Branch<T> | undefined
  /** By method; the value is the finished answer of `match`, so that matching allocates next to nothing. */
  readonly leaves: Map<string, Result<T>>
}

const noParams: Params = {}

function newBranch<T>(): Branch<T> {
  return { fixed: new Map(), variable: undefined, leaves: new Map() }
}

/**
 * Routes over the segments of the raw, still percent-encoded path, so that identifiers may hold an encoded `/`. Fixed
 * segments win over `{variables}` in whatever order they were added, and the methods of a path can be asked for, which
 * is what tells 405 from 404. A variable also matches an empty segment: event types and state keys may be empty.
 */
export class SegmentRouter<T> implements Router<T> {
  readonly name = 'SegmentRouter'
  readonly #root: Branch<T> = newBranch()
  #fallback: Result<T> = [[]]

  /** `ALL` with `*` sets what answers when nothing else matches. */
  add(method: string, path: string, handler: T): void {
    const leaf: Result<T> = [[[handler, noParams]]]
    if (path === '/*') {
      this.#fallback = leaf
      return
    }
    let branch = this.#root
    for (const segment of segmentsOf(path)) branch = grow(branch, segment)
    if (branch.leaves.has(method)) throw new Error(`two endpoints for ${method} ${path}`)
    branch.leaves.set(method, leaf)
  }

  match(method: string, path: string): Result<T> {
    return find(this.#root, segmentsOf(path), 0, method) ?? this.#fallback
  }

  /** The methods that have an endpoint at this path; none for an unknown path. */
  methodsAt(path: string): string[] {
    const methods = new Set<string>()
    collect(this.#root, segmentsOf(path), 0, methods)
    return [...methods].sort()
  }
}

function grow<T>(branch: Branch<T>, segment: string): Branch<T> {
  const next = segment.startsWith('{') ? branch.variable : branch.fixed.get(segment)
  if (next) return next
  const added = newBranch<T>()
  if (segment.startsWith('{')) branch.variable = added
  else branch.fixed.set(segment, added)
  return added
}

function segmentsOf(path: string): string[] {
  const segments = path.split('/')
  segments.shift()
  return segments
}

function find<T>(branch: Branch<T>, segments: readonly string[], at: number, method: string): Result<T> | undefined {
  const segment = segments[at]
  if (segment === undefined) return branch.leaves.get(method)
  const fixed = branch.fixed.get(segment)
  const found = fixed && find(fixed, segments, at + 1, method)
  if (found) return found
  return branch.variable && find(branch.variable, segments, at + 1, method)
}

function collect<T>(branch: Branch<T>, segments: readonly string[], at: number, methods: Set<string>): void {
  const segment = segments[at]
  if (segment === undefined) {
    for (const method of branch.leaves.keys()) methods.add(method)
    return
  }
  const fixed = branch.fixed.get(segment)
  if (fixed) collect(fixed, segments, at + 1, methods)
  if (branch.variable) collect(branch.variable, segments, at + 1, methods)
}
