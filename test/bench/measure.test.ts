import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readArguments } from '../../bench/arguments.ts'
import { eachOf } from '../../bench/measure/concurrency.ts'
import { largest, median, percentile } from '../../bench/measure/stats.ts'
import { judge } from '../../bench/report/goals.ts'
import { loopbackAddress } from '../../bench/servers/running.ts'

test('percentiles are taken by nearest rank', () => {
  const samples = Array.from({ length: 100 }, (_, index) => 100 - index)
  assert.equal(percentile(samples, 0.99), 99)
  assert.equal(percentile(samples, 1), 100)
  assert.equal(median(samples), 50)
  assert.equal(percentile([7], 0.99), 7)
  assert.equal(largest([3, 9, 4]), 9)
  assert.ok(Number.isNaN(percentile([], 0.5)))
})

test('only loopback addresses are loaded', async () => {
  assert.deepEqual(await loopbackAddress('http://127.0.0.1:8008'), { host: '127.0.0.1', port: 8008 })
  assert.deepEqual(await loopbackAddress('http://[::1]:80/'), { host: '::1', port: 80 })
  await assert.rejects(loopbackAddress('http://192.0.2.1:8008'), /loopback/)
  await assert.rejects(loopbackAddress('https://127.0.0.1'), /plain http/)
})

test('arguments are checked', () => {
  const args = readArguments(['--target', 'http://127.0.0.1:1', '--pid', '7', '--polls', '10,20', 'send'])
  assert.deepEqual(args.options.polls, [10, 20])
  assert.deepEqual(args.scenarios, ['send'])
  assert.deepEqual(
    args.launchers.map((launcher) => launcher.owned),
    [false],
  )
  assert.throws(() => readArguments(['--seconds', 'soon']), /positive numbers/)
  assert.throws(() => readArguments(['--baseline', 'other']), /only synapse/)
})

test('work is done for each item, within its width and until the deadline', async () => {
  const seen: number[] = []
  const work = async (item: number) => {
    seen.push(item)
  }
  assert.equal(await eachOf([1, 2, 3], 2, work), 3)
  assert.deepEqual(seen, [1, 2, 3])
  assert.equal(await eachOf([1, 2, 3], 2, work, performance.now() - 1), 0)
})

test('a goal is a limit or a multiple of the baseline', () => {
  const metric = { id: 'send.1.rate', label: '', value: 70, unit: 'msg/s', better: 'higher' } as const
  const baseline = { name: 'synapse', software: '', scenarios: { send: { metrics: [metric], rounds: {} } } }
  assert.equal(judge('send.1.rate', 1100, baseline), '≥ 15× yes')
  assert.equal(judge('send.1.rate', 1000, baseline), '≥ 15× NO')
  assert.equal(judge('send.1.rate', 1000, undefined), '')
  assert.equal(judge('send.1.cpu', 0.4, undefined), '≤ 0.5 yes')
})
