/**
 * Writes docs/spec-tests.tsv, which says for each operation of the specification which test files make it succeed, from what
 * `RINGBACK_SEEN_OPERATIONS=FOLDER npm test` has left in FOLDER. With --check, fails when the file claims what no test did.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseTests } from './coverage-report.ts'

const file = new URL('../docs/spec-tests.tsv', import.meta.url)
const [folder = ''] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const seen = new Map<string, string[]>()
for (const name of existsSync(folder) ? readdirSync(folder).sort() : []) {
  for (const operation of readFileSync(join(folder, name), 'utf8').trimEnd().split('\n')) {
    seen.set(operation, [...(seen.get(operation) ?? []), name.replace(/\.txt$/, '')])
  }
}

if (seen.size === 0) {
  console.log('skipped: no test has noted its operations (is the data of the specification beside the checkout?)')
} else if (process.argv.includes('--check')) {
  // What a test tries at random it need not try each time; one of those that are named must have done it.
  const stale = [...parseTests(readFileSync(file, 'utf8'))]
    .filter(([operation, tests]) => !tests.some((test) => seen.get(operation)?.includes(test)))
    .map(([operation, tests]) => `${operation}: not by ${tests.join(', ')}`)
  if (stale.length > 0) {
    console.error(`docs/spec-tests.tsv claims what no test did:\n${stale.join('\n')}`)
    process.exitCode = 1
  }
} else {
  const lines = [...seen]
    .sort(([a], [b]) => a.localeCompare(b, 'en'))
    .map(([name, tests]) => [name, ...tests].join('\t'))
  writeFileSync(file, `${lines.join('\n')}\n`)
  console.log(`docs/spec-tests.tsv: ${seen.size} operations`)
}
