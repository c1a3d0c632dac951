/**
 * Prints where a V8 CPU profile spent its time, by function and by file, in percent of the time that was not idle:
 *
 *     npm run bench -- send --profile .cache/profile && node bench/profile.ts .cache/profile/FILE.cpuprofile
 */
import { readFileSync } from 'node:fs'
import { plainTable } from './report/format.ts'

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[]
  samples: number[]
  timeDeltas: number[]
}

const ROWS = 30

function selfTimes(
  profile: Profile,
  keyOf: (frame: Profile['nodes'][number]['callFrame']) => string,
): Map<string, number> {
  const keys = new Map(profile.nodes.map((node) => [node.id, keyOf(node.callFrame)]))
  const times = new Map<string, number>()
  for (const [index, id] of profile.samples.entries()) {
    const key = keys.get(id) ?? '?'
    times.set(key, (times.get(key) ?? 0) + (profile.timeDeltas[index] ?? 0))
  }
  return times
}

function place(url: string): string {
  return url.replace(/^file:\/\//, '').replace(`${process.cwd()}/`, '')
}

function print(title: string, times: Map<string, number>): void {
  times.delete('(idle)')
  times.delete('(idle) ')
  const total = [...times.values()].reduce((sum, time) => sum + time, 0)
  const top = [...times].toSorted((a, b) => b[1] - a[1]).slice(0, ROWS)
  const rows = top.map(([key, time]) => [key, ((time / total) * 100).toFixed(1), (time / 1000).toFixed(0)])
  process.stdout.write(`${plainTable([[title, '%', 'ms'], ...rows])}\n\n`)
}

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: node bench/profile.ts FILE.cpuprofile')
const profile: Profile = JSON.parse(readFileSync(file, 'utf8'))
print(
  'function',
  selfTimes(profile, (frame) =>
    `${frame.functionName || '(anonymous)'} ${place(frame.url)}${frame.url ? `:${frame.lineNumber + 1}` : ''}`.trim(),
  ),
)
print(
  'file',
  selfTimes(profile, (frame) => (frame.url === '' ? frame.functionName : place(frame.url))),
)
