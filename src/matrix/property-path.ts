/** Dot-separated property paths: https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths */

/** The names along a path: dots separate, `\.` is a dot in a name and `\\` a backslash; other backslashes stand for themselves. */
export function parsePropertyPath(path: string): string[] {
  const names: string[] = []
  let name = ''
  for (let i = 0; i < path.length; i++) {
    const next = path[i + 1]
    if (path[i] === '\\' && (next === '.' || next === '\\')) {
      name += next
      i++
    } else if (path[i] === '.') {
      names.push(name)
      name = ''
    } else {
      name += path[i]
    }
  }
  return [...names, name]
}

/** The value at the end of the path; undefined where a step is missing or leads into something that is no object. */
export function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root
  for (const name of path) {
    if (!isRecord(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
