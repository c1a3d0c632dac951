import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { ClientGoneError } from '../src/http/client-gone.ts'
import { createFfmpeg, type Recording } from '../src/media/ffmpeg/ffmpeg.ts'
import { ffmpegMissing, makeRecording, type recordings } from './helpers/ffmpeg.ts'
import { temporaryFolder } from './helpers/program.ts'

const never = new AbortController().signal
const toWav = { options: ['-vn', '-ar', '16000', '-ac', '1', '-f', 'wav'], maxBytes: 1_000_000 }
/** Nothing ends by itself: a filter that waits for the time to pass. */
const forEver = { options: ['-filter_complex', '[0:a]aloop=loop=-1:size=48000[a]', '-map', '[a]', '-f', 'null'] }

/** Whether a process of this machine has an argument. */
function isRunningWith(argument: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => existsSync(`/proc/${pid}/cmdline`) && commandOf(pid).includes(argument))
}

function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    // It has ended meanwhile.
    return []
  }
}

test('recordings are measured, also those that do not say how long they are', { skip: ffmpegMissing }, async (t) => {
  const ffmpeg = createFfmpeg({ isInstalled: true })
  const folder = temporaryFolder(t)
  const cases: [keyof typeof recordings, type: string, ...codecs: (string | null)[]][] = [
    ['video.webm', 'video/webm', 'vp8', 'opus'],
    ['live.webm', 'video/webm', 'vp8', null],
    ['video.mp4', 'video/mp4', 'mpeg4', 'aac'],
    ['sound.ogg', 'audio/ogg; codecs=opus', null, 'opus'],
    ['sound.mp3', 'audio/mpeg', null, 'mp3'],
    ['sound.wav', 'audio/wav', null, 'pcm_s16le'],
    ['sound.flac', 'audio/flac', null, 'flac'],
  ]
  for (const [name, type, video, audio] of cases) {
    const facts = await ffmpeg.probe({ path: makeRecording(folder, name), type }, never)
    assert.ok(Math.abs((facts.durationMs ?? 0) - 2000) < 150, `${name}: ${facts.durationMs}`)
    assert.deepEqual([facts.videoCodec, facts.audioCodec], [video, audio], name)
    assert.deepEqual([facts.width, facts.height], video === null ? [null, null] : [320, 180], name)
  }
})

test('posters and other forms are made, and no larger than they may be', { skip: ffmpegMissing }, async (t) => {
  const ffmpeg = createFfmpeg({ isInstalled: true })
  const folder = temporaryFolder(t)
  const video = { path: makeRecording(folder, 'video.webm'), type: 'video/webm' }
  const poster = join(folder, 'poster')
  await ffmpeg.poster(video, { target: poster, maxPixels: 1_000_000 }, never)
  const { format, width, height } = await sharp(poster).metadata()
  assert.deepEqual([format, width, height], ['png', 320, 180])
  await assert.rejects(ffmpeg.poster(video, { target: poster, maxPixels: 1000 }, never))
  const wav = join(folder, 'speech')
  await ffmpeg.convert(video, { ...toWav, target: wav }, never)
  const facts = await ffmpeg.probe({ path: wav, type: 'audio/wav' }, never)
  assert.deepEqual([facts.audioCodec, Math.round((facts.durationMs ?? 0) / 100)], ['pcm_s16le', 20])
  await assert.rejects(ffmpeg.convert(video, { ...toWav, target: wav, maxBytes: 10_000 }, never), /too large/)
})

test('what is no recording, or claims to be another, is refused', { skip: ffmpegMissing }, async (t) => {
  const ffmpeg = createFfmpeg({ isInstalled: true })
  const folder = temporaryFolder(t)
  const sound = makeRecording(folder, 'sound.ogg')
  const noise = join(folder, 'noise')
  writeFileSync(noise, Buffer.alloc(100_000, 'noise'))
  const wrong: Recording[] = [
    { path: noise, type: 'video/mp4' },
    { path: sound, type: 'video/webm' },
    { path: sound, type: 'application/x-mpegurl' },
    { path: join(folder, 'missing'), type: 'audio/ogg' },
  ]
  for (const recording of wrong) {
    await assert.rejects(ffmpeg.probe(recording, never))
    await assert.rejects(ffmpeg.convert(recording, { ...toWav, target: join(folder, 'out') }, never))
  }
})

test('a playlist opens neither files nor the network', { skip: ffmpegMissing }, async (t) => {
  const ffmpeg = createFfmpeg({ isInstalled: true })
  const folder = temporaryFolder(t)
  let calls = 0
  const listener = createServer((socket) => {
    calls++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => listener.once('listening', resolve))
  t.after(() => listener.close())
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const secret = makeRecording(folder, 'sound.wav')
  const url = `http://127.0.0.1:${address.port}/a.ts`
  const playlists = [
    `#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile://${secret}\n#EXTINF:10.0,\n${url}\n#EXT-X-ENDLIST\n`,
    `ffconcat version 1.0\nfile ${secret}\nfile ${url}\n`,
  ]
  for (const text of playlists) {
    const path = join(folder, 'list.mp4')
    writeFileSync(path, text)
    for (const type of ['video/mp4', 'video/webm', 'audio/mpeg', 'audio/aac', 'audio/ogg', 'audio/wav']) {
      const target = join(folder, 'out.wav')
      await assert.rejects(ffmpeg.probe({ path, type }, never), type)
      await assert.rejects(ffmpeg.convert({ path, type }, { ...toWav, target }, never), type)
    }
  }
  assert.equal(calls, 0)
})

test('whoever takes too long is killed, as is what nobody waits for any more', { skip: ffmpegMissing }, async (t) => {
  const ffmpeg = createFfmpeg({ isInstalled: true })
  const folder = temporaryFolder(t)
  const sound = { path: makeRecording(folder, 'sound.wav'), type: 'audio/wav' }
  const conversion = { ...forEver, target: '/dev/null', maxBytes: 1_000_000 }
  await assert.rejects(ffmpeg.convert(sound, { ...conversion, maxMs: 300 }, never), /timeout/)
  const gone = new AbortController()
  const running = [1, 2, 3].map(() => ffmpeg.convert(sound, conversion, gone.signal))
  const stopped = createFfmpeg({ isInstalled: true })
  const other = stopped.convert(sound, conversion, never)
  while (!isRunningWith(sound.path)) await new Promise(setImmediate)
  gone.abort()
  // One that waits its turn may fail before those that run.
  await Promise.all(running.map((run) => assert.rejects(run, ClientGoneError)))
  const fails = assert.rejects(other, { code: 'ECANCELED' })
  await stopped.stop()
  await fails
  while (isRunningWith(sound.path)) await new Promise(setImmediate)
  await assert.rejects(stopped.probe(sound, never), { code: 'ECANCELED' })
})

test('without the programs nothing is started', async () => {
  const ffmpeg = createFfmpeg({ isInstalled: false })
  assert.equal(ffmpeg.canRead('video/mp4'), false)
  await assert.rejects(ffmpeg.probe({ path: '/nowhere', type: 'video/mp4' }, never), /cannot be read here/)
})
