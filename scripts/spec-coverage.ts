/** Writes docs/spec-coverage.md from the router; with --check, fails when the file differs from what it would write. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContext } from '../src/create-context.ts'
import { endpoints } from '../src/routes.ts'
import { silentLog } from '../src/util/log.ts'
import { testConfig } from '../test/helpers/server.ts'
import { coverageOf, parseInventory, parseTests } from './coverage-report.ts'

const inventory = new URL('../docs/spec-endpoints.tsv', import.meta.url)
const report = new URL('../docs/spec-coverage.md', import.meta.url)
const tests = new URL('../docs/spec-tests.tsv', import.meta.url)

const folder = mkdtempSync(join(tmpdir(), 'ringback-coverage-'))
try {
  const context = await createContext(testConfig(folder), { log: silentLog })
  const { markdown, implemented, total } = coverageOf(
    endpoints(context),
    parseInventory(readFileSync(inventory, 'utf8')),
    existsSync(tests) ? parseTests(readFileSync(tests, 'utf8')) : new Map(),
  )
  await context.close()
  if (!process.argv.includes('--check')) {
    writeFileSync(report, markdown)
    console.log(`docs/spec-coverage.md: ${implemented} of ${total} operations`)
  } else if (!existsSync(report) || readFileSync(report, 'utf8') !== markdown) {
    console.error('docs/spec-coverage.md is out of date: run "node scripts/spec-coverage.ts" and commit the result.')
    process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
