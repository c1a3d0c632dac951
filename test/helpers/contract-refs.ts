import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'

type Schema = Record<string, unknown>

const files = new Map<string, unknown>()

/** A YAML file of the specification, parsed once. */
export function loadYaml(file: string): unknown {
  let document = files.get(file)
  if (document === undefined) {
    document = parse(readFileSync(file, 'utf8'))
    files.set(file, document)
  }
  return document
}

export function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Copies a schema with each `$ref` replaced by what it points to. Siblings of a `$ref` win over its target; where a
 * schema contains itself the inner copy accepts anything.
 */
export function inlineRefs(value: unknown, file: string, open: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map((item) => inlineRefs(item, file, open))
  if (!isObject(value)) return value
  const { $ref, ...siblings } = value
  const copied = Object.fromEntries(
    Object.entries(siblings)
      .filter(([key]) => !isAnnotation(key, value))
      .map(([key, inner]) => [key, inlineRefs(inner, file, open)]),
  )
  if (typeof $ref !== 'string') return copied
  const target = followRef($ref, file)
  if (open.includes(target.id)) return copied
  const inlined = inlineRefs(target.value, target.file, [...open, target.id])
  return isObject(inlined) ? { ...inlined, ...copied } : inlined
}

/** Examples hold references too, to data instead of schemas. A property may have that name as well. */
function isAnnotation(key: string, schema: Schema): boolean {
  return (key === 'example' || key === 'examples') && ('type' in schema || '$ref' in schema || 'allOf' in schema)
}

function followRef(ref: string, from: string): { id: string; file: string; value: unknown } {
  const [path = '', pointer = ''] = ref.split('#')
  const file = path === '' ? from : resolve(dirname(from), path)
  let value = loadYaml(file)
  for (const step of pointer.split('/').filter(Boolean)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~')
    value = isObject(value) ? value[key] : undefined
  }
  if (value === undefined) throw new Error(`${from} points to ${ref}, which does not exist`)
  return { id: `${file}#${pointer}`, file, value }
}
