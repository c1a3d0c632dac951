import { readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { formatPath, isRecord, type Path, type Raw, type SchemaNode } from './tree.ts'

/**
 * Gets raw values ready for the schema: sections that are present but empty are dropped, `<secret>_file` is replaced by the
 * text of the file, and relative paths are taken from `folder`. Returns what went wrong, one sentence each.
 */
export function prepare(raw: Raw, root: SchemaNode, folder: string): string[] {
  const problems: string[] = []

  function readSecret(holder: Raw, key: string, target: string, path: Path): void {
    const file = holder[key]
    const name = formatPath([...path, key])
    delete holder[key]
    if (holder[target] !== undefined) {
      problems.push(`${name} and ${formatPath([...path, target])} are both set; remove one of them.`)
    } else if (typeof file !== 'string' || file === '') {
      problems.push(`${name} must be the path of a file.`)
    } else {
      try {
        holder[target] = readFileSync(resolve(folder, file), 'utf8').trim()
      } catch (error) {
        const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
        problems.push(`${name} is "${file}", but that file cannot be read (${reason}).`)
      }
    }
  }

  function walk(value: unknown, node: SchemaNode | undefined, path: Path): unknown {
    if (!node) return value
    if (Array.isArray(value)) return value.map((item, i) => walk(item, node.items, [...path, i]))
    if (typeof value === 'string' && node.path && value !== '' && !isAbsolute(value)) return resolve(folder, value)
    if (!isRecord(value)) return value
    for (const key of Object.keys(value)) {
      const inner = node.properties?.[key]
      const target = key.replace(/_file$/, '')
      if (value[key] === null) delete value[key]
      else if (inner) value[key] = walk(value[key], inner, [...path, key])
      else if (target !== key && node.properties?.[target]?.secret) readSecret(value, key, target, path)
    }
    return value
  }

  walk(raw, root, [])
  return problems
}
