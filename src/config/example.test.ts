import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { exampleConfig } from './example.ts'
import { configSchema } from './schema.ts'
import { isRecord, type SchemaNode, schemaTree } from './tree.ts'

const example = exampleConfig()

test('as it stands the example changes nothing', () => {
  const sections = parse(example) as Record<string, unknown>
  const prune = (value: unknown): unknown =>
    isRecord(value)
      ? Object.fromEntries(
          Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, prune(inner)]])),
        )
      : value
  assert.deepEqual(configSchema.parse(prune(sections)), configSchema.parse({}))
})

test('with every comment sign in front of a key removed it is a valid configuration', () => {
  const lines = example.split('\n').map((line) => {
    const match = /^(\s*)# (\s*(?:- )?[\w.]+:( .*)?|\s*# .*)$/.exec(line)
    return match?.[2] && !/^[A-Z]/.test(match[2]) ? `${match[1]}${match[2]}` : line
  })
  const config = configSchema.parse(parse(lines.join('\n')))
  assert.equal(config.voip.livekit?.api_key, 'ringback')
  assert.equal(config.bots.models.image[0]?.kind, 'openai')
  assert.equal(config.registration.terms[0]?.texts.en?.name, 'Privacy policy')
})

test('every key has a description, and an example where it has no default', () => {
  const walk = (node: SchemaNode, path: string) => {
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      const here = `${path}${key}`
      assert.ok(child.description, `${here} has no description`)
      const isPlain = !child.properties && !child.items?.properties
      assert.ok(!isPlain || child.default !== undefined || child.example !== undefined, `${here} has no example`)
      walk(child, `${here}.`)
      if (child.items) walk(child.items, `${here}[].`)
    }
  }
  walk(schemaTree, '')
})
