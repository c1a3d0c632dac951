#!/usr/bin/env node
// Plain JavaScript that every Node can parse: an old one could read neither the TypeScript nor say why.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
const isNewEnough = major > 22 || (major === 22 && minor >= 18)
const bundledNode = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url))

if (isNewEnough) {
  // Without types to strip and code to compile the next start takes half as long.
  const { enableCompileCache } = await import('node:module')
  enableCompileCache(fileURLToPath(new URL('../.cache/compiled', import.meta.url)))
  await import('../src/cli.ts')
} else if (existsSync(bundledNode) && process.execPath !== realpathSync(bundledNode)) {
  const child = spawn(bundledNode, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 1 : code
  })
} else {
  process.stderr.write(`Ringback needs Node 22.18 or newer, and this is Node ${process.versions.node}.\n`)
  process.exitCode = 1
}
