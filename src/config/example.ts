import { stringify } from 'yaml'
import { isRecord, type SchemaNode, schemaTree } from './tree.ts'

const heading = `# The configuration of Ringback. Every key is optional and stands here with its default.
# To change one, remove the "# " in front of it. Copy this file to config.yaml, or name yours in RINGBACK_CONFIG.
#
# Durations are written 30s, 5m, 12h, 7d or as whole milliseconds; sizes 50MiB, 2GB or as whole bytes. Relative paths start
# at the folder of this file. A key can also be set by an environment variable, such as RINGBACK__LOG__LEVEL=debug for
# log.level, and a secret can be read from a file: registration.shared_secret_file.
# "ringback config check" finds mistakes.
`

/** The text of `config.example.yaml`, made from the schema. */
export function exampleConfig(): string {
  const blocks = Object.entries(schemaTree.properties ?? {}).map(([key, node]) => renderKey(key, node, '').join('\n'))
  return `${heading}\n${blocks.join('\n\n')}\n`
}

function renderKey(key: string, node: SchemaNode, indent: string): string[] {
  const comment = `${indent}# ${describe(node)}`
  const isOptionalSection = node.properties !== undefined && node.default === undefined
  if (!node.properties || isOptionalSection) return [comment, ...commentOut(renderValue(key, node), indent)]
  // A section without keys counts as absent, so its name needs no comment sign.
  const inner = Object.entries(node.properties).flatMap(([name, child]) => renderKey(name, child, `${indent}  `))
  return [comment, `${indent}${key}:`, ...inner]
}

function commentOut(lines: readonly string[], indent: string): string[] {
  return lines.map((line) => `${indent}# ${line}`)
}

/** A key with its default or example, as it looks without comment signs. */
function renderValue(key: string, node: SchemaNode): string[] {
  if (node.properties) return [`${key}:`, ...renderMembers(node).map((line) => `  ${line}`)]
  if (node.items?.properties) {
    return [`${key}:`, ...renderMembers(node.items).map((line, i) => `  ${i === 0 ? '- ' : '  '}${line}`)]
  }
  const value = node.default ?? node.example ?? ''
  const isInline = Array.isArray(value) || (isRecord(value) && Object.keys(value).length === 0)
  if (isInline) return [`${key}: ${stringify(value, { ...style, collectionStyle: 'flow' }).trimEnd()}`]
  return stringify({ [key]: value }, style)
    .trimEnd()
    .split('\n')
}

const style = { lineWidth: 0, flowCollectionPadding: false }

function describe(node: SchemaNode): string {
  const isListOfSections = node.items?.properties !== undefined
  const isEmpty = Array.isArray(node.default) && node.default.length === 0
  return `${node.description ?? ''}${isListOfSections && isEmpty ? ' Default: none. An example:' : ''}`
}

function renderMembers(node: SchemaNode): string[] {
  const lines: string[] = []
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    const first = lines.length === 0
    const comment = `# ${describe(child)}`
    const value = renderValue(key, child)
    // The dash of a list stands before the first line, which must be a key: its comment goes to the end of that line.
    if (first && value.length === 1) lines.push(`${value[0]} ${comment}`)
    else lines.push(comment, ...value)
  }
  return lines
}
