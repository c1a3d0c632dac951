import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createPeakMeter, waveformOf } from './waveform.ts'

test('there are 30 to 120 bars of 0 to 1024, whatever was recorded', () => {
  const level = fc.double({ min: 0, max: 1, noNaN: true })
  const gain = fc.double({ min: 0, max: 100, noNaN: true })
  fc.assert(
    fc.property(fc.array(level, { maxLength: 300 }), fc.integer({ min: 1, max: 700_000 }), gain, (steps, ms, by) => {
      const bars = waveformOf(steps, ms, by)
      assert.ok(bars.length >= 30 && bars.length <= 120)
      assert.ok(bars.every((bar) => Number.isInteger(bar) && bar >= 0 && bar <= 1024))
      if (steps.length > 0 && steps.length <= bars.length) {
        const highest = Math.round(Math.min(1, Math.max(...steps) * by) * 1024)
        assert.equal(Math.max(...bars), highest, 'the loudest moment is never lost')
      }
    }),
  )
})

test('peaks do not depend on where the pieces end', () => {
  const samples = fc.array(fc.integer({ min: -32768, max: 32767 }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(samples, fc.integer({ min: 1, max: 7 }), (values, size) => {
      const bytes = Buffer.alloc(values.length * 2)
      for (const [i, value] of values.entries()) bytes.writeInt16LE(value, i * 2)
      const meter = createPeakMeter(16)
      for (let at = 0; at < bytes.length; at += size) meter.add(bytes.subarray(at, at + size))
      const expected: number[] = []
      for (let at = 0; at < values.length; at += 16) {
        const peak = Math.max(...values.slice(at, at + 16).map((value) => Math.abs(value)))
        expected.push(Math.min(1, peak / 0x7fff))
      }
      assert.deepEqual(meter.end(), { steps: expected, samples: values.length })
    }),
  )
})
