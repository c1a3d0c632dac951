import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readArguments, USAGE } from './arguments.ts'
import { plainTable } from './report/format.ts'
import { comparison, failures, measuredScenarios } from './report/table.ts'
import { runAll } from './run.ts'

async function main(): Promise<void> {
  const args = readArguments(process.argv.slice(2))
  if (args.help) {
    process.stdout.write(USAGE)
    return
  }
  const result = await runAll(args, (text) => process.stderr.write(`${text}\n`))
  for (const scenario of measuredScenarios(result)) {
    process.stdout.write(`\n${plainTable(comparison(result, scenario))}\n`)
  }
  const json = formatJson(result)
  if (args.json) process.stdout.write(`\n${json}`)
  if (args.save !== undefined) {
    const folder = join(import.meta.dirname, 'results')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${args.save}.json`), json)
  }
  const problems = failures(result.targets)
  for (const problem of problems) process.stderr.write(`failed: ${problem}\n`)
  process.exitCode = problems.length > 0 ? 1 : 0
}

/** As the project's formatter writes it, with lists of numbers on one line, so that saved runs pass the lint. */
function formatJson(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2)
  const lists = /\[\n\s+([^[\]{}]*?)\n\s*\]/g
  return `${text.replace(lists, (_, items: string) => `[${items.split(/,\n\s+/).join(', ')}]`)}\n`
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Leaves by `exit`, so that the servers that were started end, too.
  process.once(signal, () => process.exit(1))
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
