import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gainFor, readLoudness } from './loudness.ts'

const log = `size=N/A time=00:00:12.33 bitrate=N/A speed=31.1x
[Parsed_ebur128_1 @ 0x55] Summary:

  Integrated loudness:
    I:         -30.4 LUFS
    Threshold: -40.5 LUFS

  Loudness range:
    LRA:         1.2 LU`

test('the loudness stands at the end of what ffmpeg says', () => {
  assert.equal(readLoudness(log), -30.4)
  assert.equal(readLoudness('Conversion failed!'), undefined)
})

test('what is quiet becomes louder and what is loud quieter, within bounds', () => {
  const cases: [loudness: number | undefined, gain: number][] = [
    [-18, 0],
    [-30.4, 12.4],
    [-6, -12],
    [-2, -12],
    [-45, 18],
    [-70, 0],
    [undefined, 0],
  ]
  for (const [loudness, gain] of cases) assert.equal(gainFor(loudness), gain, String(loudness))
})
