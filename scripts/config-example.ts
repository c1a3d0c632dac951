/** Writes config.example.yaml from the schema; with --check, fails when the file differs from what it would write. */
import { readFileSync, writeFileSync } from 'node:fs'
import { exampleConfig } from '../src/config/example.ts'

const file = new URL('../config.example.yaml', import.meta.url)
const wanted = exampleConfig()

if (!process.argv.includes('--check')) {
  writeFileSync(file, wanted)
} else if (readFileSync(file, 'utf8') !== wanted) {
  console.error('config.example.yaml is out of date: run "node scripts/config-example.ts" and commit the result.')
  process.exitCode = 1
}
