import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const folder = process.env.RINGBACK_SEEN_OPERATIONS
const seen = new Set<string>()

/** Keeps which operations have succeeded in this test file, for `scripts/spec-tests.ts`, where a folder is set for it. */
export function noteSeen(operation: string): void {
  if (folder === undefined) return
  if (seen.size === 0) process.on('exit', () => write(folder))
  seen.add(operation)
}

function write(into: string): void {
  mkdirSync(into, { recursive: true })
  writeFileSync(join(into, `${basename(process.argv[1] ?? 'unknown')}.txt`), `${[...seen].sort().join('\n')}\n`)
}
