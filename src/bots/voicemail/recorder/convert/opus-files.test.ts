import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readOggOpus, writeOggOpus } from './ogg-opus.ts'
import { readWebmOpus } from './webm-opus.ts'

const head = Buffer.concat([
  Buffer.from('OpusHead\x01\x01', 'latin1'),
  Buffer.from([0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0]),
])
/** 20 ms each: configuration 31 (20 ms), one frame. */
const packet = fc.uint8Array({ maxLength: 1200 }).map((bytes) => Buffer.from([0xf8, ...bytes]))
const packets = fc.array(packet, { minLength: 1, maxLength: 120 })

/** An element whose length is written in `width` bytes. */
function element(id: string, body: Buffer, width = 4): Buffer {
  const size = Buffer.alloc(width)
  size.writeUIntBE(body.length, Math.max(0, width - 4), Math.min(width, 4))
  size[0] = (size[0] ?? 0) | (0x80 >> (width - 1))
  return Buffer.concat([Buffer.from(id, 'hex'), size, body])
}

function webm(sound: readonly Buffer[], { codec = 'A_OPUS', isLive = true, isGrouped = false } = {}): Buffer {
  const entry = [element('d7', Buffer.from([1]), 1), element('86', Buffer.from(codec)), element('63a2', head)]
  const blocks = sound.map((bytes) => {
    const block = Buffer.concat([Buffer.from([0x81, 0, 0, isGrouped ? 0 : 0x80]), bytes])
    return isGrouped ? element('a0', element('a1', block), 8) : element('a3', block)
  })
  const unknown = (id: string, body: Buffer) => Buffer.concat([Buffer.from(`${id}01ffffffffffffff`, 'hex'), body])
  const open = isLive ? unknown : (id: string, body: Buffer) => element(id, body, 8)
  const cluster = open('1f43b675', Buffer.concat([element('e7', Buffer.from([0]), 1), ...blocks]))
  const tracks = element('1654ae6b', element('ae', Buffer.concat(entry)))
  return Buffer.concat([
    element('1a45dfa3', Buffer.from([0x42, 0x86, 0x81, 1])),
    open('18538067', Buffer.concat([tracks, cluster])),
  ])
}

test('what is written as Ogg is read again as it was', () => {
  fc.assert(
    fc.property(packets, (sound) => {
      const { bytes, durationMs, packetSizes } = writeOggOpus({ head, packets: sound })
      const read = readOggOpus(bytes)
      assert.deepEqual(read.packets, sound)
      assert.equal(read.lastGranule, sound.length * 960)
      assert.equal(durationMs, Math.max(0, Math.round((sound.length * 960 - 0x138) / 48)))
      assert.deepEqual(
        packetSizes,
        sound.map(({ length }) => length),
      )
      assert.deepEqual(writeOggOpus(read).bytes, bytes)
    }),
    { numRuns: 30 },
  )
})

test('sound of browsers comes out of WebM as it went in', () => {
  fc.assert(
    fc.property(packets, fc.boolean(), fc.boolean(), (sound, isLive, isGrouped) => {
      assert.deepEqual(readWebmOpus(webm(sound, { isLive, isGrouped })), { head, packets: sound })
    }),
    { numRuns: 30 },
  )
})

test('nothing but Opus alone is taken', () => {
  const sound = [Buffer.from([0xf8, 1, 2])]
  const ogg = writeOggOpus({ head, packets: sound }).bytes
  const damaged = Buffer.from(ogg)
  damaged[ogg.length - 1] = 9
  assert.throws(() => readOggOpus(damaged), /damaged/)
  assert.throws(() => readOggOpus(ogg.subarray(0, -1)), /middle/)
  assert.throws(() => readOggOpus(Buffer.concat([ogg, ogg])))
  assert.throws(() => readWebmOpus(webm(sound, { codec: 'A_VORBIS' })))
  assert.throws(() => readWebmOpus(webm(sound).subarray(0, -1)))
  // A packet that claims 64 frames, and one without any.
  for (const first of [0xff, 0xfb]) assert.throws(() => writeOggOpus({ head, packets: [Buffer.from([first, 0x3f])] }))
  assert.throws(() => writeOggOpus({ head, packets: [Buffer.alloc(0)] }))
})

test('no file makes the readers hang or run away', () => {
  const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes))
  const start = writeOggOpus({ head, packets: [Buffer.from([0xf8, 1])] }).bytes
  fc.assert(
    fc.property(noise, fc.nat(300), (bytes, cut) => {
      for (const file of [
        bytes,
        Buffer.concat([start.subarray(0, cut), bytes]),
        Buffer.concat([webm([]).subarray(0, cut), bytes]),
      ]) {
        for (const read of [readOggOpus, readWebmOpus]) {
          try {
            read(file)
          } catch (error) {
            assert.ok(error instanceof Error && !(error instanceof TypeError), String(error))
          }
        }
      }
    }),
  )
})
