/**
 * matrix-js-sdk for pages: its files as they are, found through an import map; CommonJS packages are wrapped, because no
 * browser loads them. It stands in for the bundler of a web client.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page as Content, WebServer } from './web-server.ts'

const sdkFolder = dirname(dirname(fileURLToPath(import.meta.resolve('matrix-js-sdk'))))
const modules = dirname(sdkFolder)
const requireOfSdk = createRequire(join(sdkFolder, 'package.json'))

const commonJs = [
  'another-json',
  'events',
  'loglevel',
  'matrix-events-sdk',
  'matrix-widget-api',
  'sdp-transform',
  'unhomoglyph',
]

/** Files of packages that are modules already, below `node_modules`. */
const entries: Record<string, string> = {
  'matrix-js-sdk': 'matrix-js-sdk/lib/browser-index.js',
  '@babel/runtime/helpers/': '@babel/runtime/helpers/esm/',
  '@matrix-org/matrix-sdk-crypto-wasm': '@matrix-org/matrix-sdk-crypto-wasm/index.mjs',
  bs58: 'bs58/src/esm/index.js',
  'base-x': 'base-x/src/esm/index.js',
  'content-type': 'matrix-js-sdk/node_modules/content-type/dist/index.js',
  'is-network-error': 'is-network-error/index.js',
  'p-retry': 'p-retry/index.js',
}

/** The import map has to know the helpers one by one: they are named without the ending of their files. */
const helpers = ['defineProperty', 'objectSpread2', 'objectWithoutProperties']

/** The head of a page in which `matrix-js-sdk` can be imported. */
export function importMap(): string {
  const imports = {
    ...Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, `/modules/${path}`])),
    ...Object.fromEntries(
      helpers.map((name) => [`@babel/runtime/helpers/${name}`, `/modules/@babel/runtime/helpers/esm/${name}.js`]),
    ),
    ...Object.fromEntries(commonJs.map((name) => [name, `/modules/commonjs/${name}`])),
  }
  return `<script type="importmap">${JSON.stringify({ imports })}</script>`
}

/** Serves the packages below `/modules/`. */
export function serveModules(site: WebServer): void {
  site.otherwise = (path) => {
    if (!path.startsWith('/modules/')) return undefined
    const name = path.slice('/modules/'.length)
    const wrapped = /^commonjs\/(.*)$/.exec(name)?.[1]
    if (wrapped !== undefined) return commonJs.includes(wrapped) ? script(wrap(wrapped)) : undefined
    return name.includes('..') ? undefined : file(join(modules, name))
  }
}

function script(text: string): Content {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/javascript' }).end(text)
  }
}

function file(path: string): Content {
  const type = path.endsWith('.wasm') ? 'application/wasm' : 'text/javascript'
  return (_request, response) => {
    response.writeHead(200, { 'content-type': type }).end(readFileSync(path))
  }
}

/** A package with all that it requires, as one module. */
function wrap(name: string): string {
  const parts = new Map<string, string>()
  // With the slash it is the package, and not what Node has under the same name.
  const entry = requireOfSdk.resolve(name === 'events' ? 'events/' : name)
  const todo = [entry]
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    if (parts.has(path)) continue
    const text = readFileSync(path, 'utf8')
    const inside = createRequire(path)
    const places: Record<string, string> = {}
    for (const [, id = ''] of text.matchAll(/require\(["']([^"']+)["']\)/g)) {
      const place = inside.resolve(id === 'events' ? 'events/' : id)
      places[id] = place
      todo.push(place)
    }
    const body = path.endsWith('.json') ? `module.exports = ${text}` : text
    parts.set(path, `[(module, exports, require) => {${body}\n}, ${JSON.stringify(places)}]`)
  }
  const table = [...parts].map(([path, part]) => `${JSON.stringify(path)}: ${part}`).join(',\n')
  const exported: object = requireOfSdk(entry)
  const names = Object.keys(exported).filter((key) => /^[A-Za-z_$][\w$]*$/.test(key) && key !== 'default')
  return `const parts = {${table}}
const cache = new Map()
const load = (path) => {
  if (!cache.has(path)) {
    const module = { exports: {} }
    cache.set(path, module)
    const [run, places] = parts[path]
    run.call(module.exports, module, module.exports, (id) => load(places[id]))
  }
  return cache.get(path).exports
}
const all = load(${JSON.stringify(entry)})
export default all
${names.map((key) => `const $${key} = all.${key}\nexport { $${key} as ${key} }`).join('\n')}
`
}
