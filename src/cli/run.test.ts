import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { Command, CommandInput } from './command.ts'
import { commands } from './commands.ts'
import { runCli } from './run.ts'

async function run(args: string[], list: readonly Command[] = commands) {
  const stdout: string[] = []
  const stderr: string[] = []
  const io = {
    stdin: Readable.from([]),
    stdout: { write: (text: string) => stdout.push(text) },
    stderr: { write: (text: string) => stderr.push(text) },
  }
  const code = await runCli(args, io, list)
  return { code, stdout: stdout.join(''), stderr: stderr.join('') }
}

const calls: CommandInput[] = []
const probe: Command = {
  name: 'probe it',
  usage: 'NAME [--loud]',
  summary: 'Probe.',
  options: { loud: { type: 'boolean' } },
  positionals: ['NAME'],
  async run(input) {
    calls.push(input)
    if (input.positionals[0] === 'bad') throw Object.assign(new Error('x'), { code: 'ENOSPC' })
    return 0
  },
}

test('help lists the commands, and explains each', async () => {
  for (const args of [[], ['--help'], ['help'], ['-h']]) {
    const { code, stdout } = await run(args)
    assert.equal(code, 0)
    for (const { name } of commands) assert.match(stdout, new RegExp(`ringback ${name}`))
  }
  for (const args of [
    ['probe', 'it', '--help'],
    ['help', 'probe', 'it'],
  ]) {
    assert.match((await run(args, [probe])).stdout, /^ringback probe it NAME \[--loud\]\n\nProbe\./)
  }
  assert.match((await run(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
})

test('options and words reach the command', async () => {
  const { code } = await run(['probe', 'it', '--config', 'c.yaml', 'alice', '--loud'], [probe])
  assert.equal(code, 0)
  assert.deepEqual(calls.at(-1), { options: { loud: true }, positionals: ['alice'], configFile: 'c.yaml' })
})

test('mistakes are answered in one sentence', async () => {
  const cases: [string[], string][] = [
    [['prob', 'it'], 'There is no command "prob it"; did you mean "ringback probe it"?\n'],
    [['probe'], 'There is no command "probe", but "probe it".\n'],
    [['qqqqqqqqqqqq'], 'There is no command "qqqqqqqqqqqq"; "ringback --help" lists them.\n'],
    [['probe', 'it'], 'NAME is missing: ringback probe it NAME [--loud]\n'],
    [['probe', 'it', 'a', 'b'], '"probe it" does not know what to do with "b".\n'],
    [['probe', 'it', 'a', '--load'], '"probe it" has no option --load; did you mean --loud?\n'],
  ]
  for (const [args, expected] of cases) {
    const { code, stderr } = await run(args, [probe])
    assert.equal(stderr, expected)
    assert.equal(code, 2)
  }
  const { code, stderr } = await run(['probe', 'it', 'bad'], [probe])
  assert.equal(code, 1)
  assert.equal(stderr, 'The disk is full; free some space and start again.\n')
})
