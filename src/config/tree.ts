import { z } from 'zod'
import type { FieldMeta } from './fields.ts'
import { configSchema } from './schema.ts'

/** One key of the configuration as data: what the loader, the error messages and the example are made from. */
export interface SchemaNode extends FieldMeta {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly items?: SchemaNode
  readonly additionalProperties?: false | SchemaNode
}

export const schemaTree = z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode

export type Path = readonly (string | number)[]

/** The description of the key at a path, undefined where there is no such key. */
export function nodeAt(path: Path, root: SchemaNode = schemaTree): SchemaNode | undefined {
  let node: SchemaNode | undefined = root
  for (const part of path) {
    if (!node) return undefined
    if (typeof part === 'number') node = node.items
    else node = node.properties?.[part] ?? (node.additionalProperties || undefined)
  }
  return node
}

export function knownKeys(node: SchemaNode | undefined): string[] {
  return Object.keys(node?.properties ?? {})
}

export function accepts(node: SchemaNode, type: string): boolean {
  return Array.isArray(node.type) ? node.type.includes(type) : node.type === type
}

/** `listeners[0].port` */
export function formatPath(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('')
}

export type Raw = Record<string, unknown>

export function isRecord(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
