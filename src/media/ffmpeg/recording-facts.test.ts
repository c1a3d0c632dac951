import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRecordingFacts } from './recording-facts.ts'

test('a video that was filmed upright is higher than wide', () => {
  const video = { codec_type: 'video', codec_name: 'h264', width: 1920, height: 1080, duration: '3.5' }
  const turned = { ...video, side_data_list: [{ side_data_type: 'Other' }, { rotation: -90 }] }
  const facts = readRecordingFacts(JSON.stringify({ streams: [turned], format: {} }))
  assert.deepEqual(facts, { durationMs: 3500, width: 1080, height: 1920, videoCodec: 'h264', audioCodec: null })
})

test('the cover of a song is no video', () => {
  const cover = { codec_type: 'video', codec_name: 'png', width: 500, height: 500, disposition: { attached_pic: 1 } }
  const streams = [cover, { codec_type: 'audio', codec_name: 'mp3' }]
  const facts = readRecordingFacts(JSON.stringify({ streams, format: { duration: '61.2004' } }))
  assert.deepEqual(facts, { durationMs: 61200, width: null, height: null, videoCodec: null, audioCodec: 'mp3' })
  assert.throws(() => readRecordingFacts(JSON.stringify({ streams: [cover], format: {} })))
})

test('nonsense is not passed on', () => {
  for (const text of ['', '[]', '{}', '{"streams":[{}]}', '{"streams":{}}'])
    assert.throws(() => readRecordingFacts(text))
  const odd = [{ codec_type: 'video', width: -1, height: 1.5, duration: 'N/A' }]
  const facts = readRecordingFacts(JSON.stringify({ streams: odd, format: { duration: '-1' } }))
  assert.deepEqual(facts, { durationMs: null, width: null, height: null, videoCodec: null, audioCodec: null })
})
