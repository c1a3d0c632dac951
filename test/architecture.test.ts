import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findViolations, layerOf } from './helpers/architecture.ts'
import { codeOnly, importsOf } from './helpers/source-text.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const paths = globSync(['src/**/*.ts', 'migrations/**/*.ts'], { cwd: root }).sort()
const sources = new Map(paths.map((path) => [path, readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')]))

test('the source keeps to the layers and rules of ARCHITECTURE.md', () => {
  assert.ok(sources.size > 50, 'the sources were not found')
  assert.deepEqual(findViolations(sources), [])
})

test('every import of the source is seen', () => {
  for (const [path, source] of sources) {
    const lines = source.split('\n').filter((line) => /^(?:import|export)\b.*\bfrom '|^} from '|^import '/.test(line))
    assert.equal(importsOf(source).filter(({ specifier }) => specifier).length >= lines.length, true, path)
  }
})

test('files stay small', () => {
  const sizes = [...sources]
    .filter(([path]) => path.startsWith('src/') && !path.endsWith('.test.ts'))
    .map(([, source]) => source.split('\n').length)
    .sort((a, b) => a - b)
  const median = sizes[Math.floor(sizes.length / 2)] ?? 0
  const p95 = sizes[Math.floor(sizes.length * 0.95)] ?? 0
  assert.ok(median < 130, `the median file has ${median} lines`)
  assert.ok(p95 <= 200, `one file in twenty has more than ${p95} lines`)
})

/** What is reported for one file, with targets of its imports present. */
function violationsIn(path: string, source: string, others: Record<string, string> = {}): string[] {
  return findViolations(new Map(Object.entries({ [path]: source, ...others })))
}

test('a rule that is broken is noticed', () => {
  const cases: [path: string, source: string, expected: RegExp][] = [
    ['src/util/a.ts', "import { x } from '../matrix/x.ts'", /util may not import matrix/],
    ['src/matrix/a.ts', "import { x } from '../db/x.ts'", /matrix may not import db/],
    ['src/matrix/a.ts', "import { readFileSync } from 'node:fs'", /matrix\/ does no I\/O/],
    ['src/http/a.ts', "import type { Database } from '../db/database.ts'", /http may not import db/],
    ['src/config/a.ts', "import { x } from '../http/x.ts'", /config may not import http/],
    ['src/jobs/a.ts', "import { x } from '../http/x.ts'", /jobs may not import http/],
    ['src/db/a.ts', "import { x } from '../jobs/x.ts'", /db may not import jobs/],
    ['src/rooms/a.ts', "import { x } from '../sync/x.ts'", /rooms may not import sync/],
    ['src/accounts/a.ts', "export { x } from '../rooms/x.ts'", /accounts may not import rooms/],
    ['src/rooms/a.ts', "export * from '../push/x.ts'", /rooms may not import push/],
    ['src/rooms/a.ts', "const x = await import('../sync/x.ts')", /rooms may not import sync/],
    ['src/rooms/a.ts', "import '../sync/x.ts'", /rooms may not import sync/],
    ['src/rooms/a.ts', "import {\n  a,\n  b,\n} from '../sync/x.ts'", /rooms may not import sync/],
    [
      'src/federation/client/a.ts',
      "import { x } from '../server/x.ts'",
      /federation\/client may not import federation\/server/,
    ],
    ['src/accounts/deep/a.ts', "import { x } from '../../rooms/x.ts'", /accounts may not import rooms/],
    ['src/rooms/a.ts', "import { x } from '../new-feature/x.ts'", /rooms may not import new-feature/],
    ['src/sync/a.ts', "import { x } from '../rooms/store-events.ts'", /SQL is reached by its own feature only/],
    ['src/context.ts', "import { x } from './rooms/store.ts'", /SQL is reached by its own feature only/],
    ['src/rooms/routes-a.ts', "import { x } from './store-events.ts'", /routes reach services through the context/],
    ['src/rooms/send.ts', "import type { AppContext } from '../context.ts'", /which nobody may import/],
    ['src/rooms/routes-a.ts', "import { createContext } from '../context.ts'", /use "import type"/],
    ['src/rooms/routes-a.ts', "import { createServer } from '../server.ts'", /which nobody may import/],
    ['src/rooms/a.ts', "import { run } from '../cli/run.ts'", /which nobody may import/],
    ['migrations/0001-a.ts', "import { x } from '../src/db/x.ts'", /outside may not import db/],
    ['src/rooms/a.ts', "import { x } from '../../test/helpers/x.ts'", /rooms may not import outside/],
    ['src/rooms/a.ts', 'export default function a() {}', /default export/],
    ['src/rooms/a.ts', 'const a = 1\nexport { a as default }', /default export/],
    ['src/rooms/a.ts', 'const a = process.env.HOME', /process\.env outside config/],
    ['src/rooms/a.ts', 'const a = Date.now()', /use a Clock/],
    ['src/rooms/a.ts', 'const a = new Date()', /use a Clock/],
    ['src/rooms/a.ts', 'const a = new Date\n', /use a Clock/],
    ['src/rooms/a.ts', 'const a = Date()', /use a Clock/],
    ['src/rooms/a.ts', 'const a = ids.map(Date.now)', /use a Clock/],
    ['src/rooms/a.ts', `const a = \`\${Math.random()}\``, /Math\.random/],
    ['src/rooms/a.ts', "const a = await fetch('https://x')", /global fetch/],
    ['src/rooms/a.ts', "fetch('https://x').then(use)", /global fetch/],
    ['src/rooms/a.ts', 'const a = () => fetch(url)', /global fetch/],
    ['src/rooms/a.ts', 'const a = globalThis.fetch', /global fetch/],
    ['src/rooms/a.ts', "import { request } from 'node:https'", /use util\/safe-fetch/],
    ['src/rooms/a.ts', "console.log('x')", /use a Log/],
  ]
  for (const [path, source, expected] of cases) {
    const found = violationsIn(path, source)
    assert.equal(found.length, 1, `${path}: ${source}\n${found.join('\n')}`)
    assert.match(found[0] ?? '', expected)
  }
})

test('a circle of imports is noticed', () => {
  const others = { 'src/rooms/b.ts': "import { c } from './c.ts'", 'src/rooms/c.ts': "import type { A } from './a.ts'" }
  assert.deepEqual(violationsIn('src/rooms/a.ts', "import { b } from './b.ts'", others), [
    'src/rooms/a.ts: imports itself by way of src/rooms/b.ts, src/rooms/c.ts',
  ])
})

test('what only looks like a violation is left alone', () => {
  const harmless: [path: string, source: string][] = [
    ['src/rooms/routes-a.ts', "import type { AppContext } from '../context.ts'"],
    [
      'src/sync/a.ts',
      "import { x } from '../rooms/x.ts'\nimport { y } from '../db/y.ts'\nimport { z } from '../util/z.ts'",
    ],
    ['src/rooms/send.ts', "import { x } from './store-events.ts'"],
    ['src/federation/sender/a.ts', "import { x } from '../client/x.ts'"],
    ['src/jobs/jobs.ts', "import type { Tx } from '../db/database.ts'"],
    ['src/db/migrate.ts', "import { x } from '../../migrations/types.ts'"],
    ['src/cli/a.ts', "import { x } from '../server.ts'\nconsole.log('x')"],
    ['src/http/listen.ts', "import { createServer } from 'node:http'"],
    ['src/rooms/a.ts', '// process.env, Date.now() and Math.random()\n/* console.log(fetch()) */ const a = 1'],
    ['src/rooms/a.ts', `const a = "console.log(Date.now())" + \`fetch() \${1} new Date()\``],
    ['src/rooms/a.ts', 'const a = /console.log(process.env)[/]/.test(b) // "\nconst c = new Date(5)'],
    [
      'src/http/app.ts',
      'interface App {\n  fetch(request: Request): Response\n}\nconst a = app.fetch(r)\nconst b = {\n  x,\n  fetch(r) {\n  },\n}',
    ],
    ['src/config/load.ts', 'const a = process.env'],
    ['src/util/clock.ts', 'const a = Date.now()'],
    ['src/rooms/a.test.ts', "import { x } from '../../test/helpers/x.ts'\nconst a = Date.now()"],
  ]
  for (const [path, source] of harmless) assert.deepEqual(violationsIn(path, source), [], source)
})

test('layers are told by folder', () => {
  assert.equal(layerOf('src/federation/client/deep/x.ts'), 'federation/client')
  assert.equal(layerOf('src/bots/models/x.ts'), 'bots')
  assert.equal(layerOf('src/cli/run.ts'), 'top')
  assert.equal(layerOf('src/main.ts'), 'top')
  assert.equal(layerOf('migrations/1.ts'), 'outside')
})

test('code is told from comments, strings and regular expressions', () => {
  const cases: [string, string][] = [
    ['a // b', 'a     '],
    ["x = 'it\\'s' + y", "x = '     ' + y"],
    [`\`a\${b + \`c\${d}\`}e\``, `\` \${b + \` \${d}\`} \``],
    ['x = a / b / c', 'x = a / b / c'],
    ['x = /[/"]/.test(y)', 'x = /    /.test(y)'],
  ]
  for (const [source, expected] of cases) assert.equal(codeOnly(source), expected)
})
