import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration } from './duration.ts'
import { editDistance, nearest } from './nearest.ts'
import { formatSize, parseSize } from './size.ts'

test('durations', () => {
  assert.equal(parseDuration('30s'), 30_000)
  assert.equal(parseDuration('7d'), 604_800_000)
  assert.equal(parseDuration('1.5h'), 5_400_000)
  assert.equal(parseDuration(250), 250)
  assert.equal(parseDuration('250'), 250)
  for (const bad of ['', 's', '5x', '-3s', '1h30m', 'NaN']) assert.equal(parseDuration(bad), undefined, bad)
  assert.equal(parseDuration(-1), undefined)
  assert.equal(parseDuration(0.5), undefined)
  assert.equal(formatDuration(90_000), '90s')
})

test('sizes', () => {
  assert.equal(parseSize('50MiB'), 52_428_800)
  assert.equal(parseSize('1.5 GB'), 1_500_000_000)
  assert.equal(parseSize('10kb'), 10_000)
  assert.equal(parseSize(7), 7)
  for (const bad of ['', 'MiB', '5 apples', '-3']) assert.equal(parseSize(bad), undefined, bad)
})

test('what is formatted reads back the same', () => {
  fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), (n) => parseDuration(formatDuration(n)) === n))
  fc.assert(fc.property(fc.nat({ max: 2 ** 44 }), (n) => parseSize(formatSize(n)) === n))
})

test('the nearest key is named, a strange one is not', () => {
  assert.equal(editDistance('abcd', 'abdc'), 1)
  assert.equal(editDistance('kitten', 'sitting'), 3)
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(nearest('serverName', ['server_name', 'public_url']), 'server_name')
  assert.equal(nearest('databse', ['database', 'data_dir']), 'database')
  assert.equal(nearest('zzzz', ['database', 'data_dir']), undefined)
})
