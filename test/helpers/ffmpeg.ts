/** Recordings for tests, made by the ffmpeg of this machine. */
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** A reason to skip a test, or false. */
export const ffmpegMissing: string | false =
  ['ffmpeg', 'ffprobe'].every((name) => spawnSync(name, ['-version']).status === 0) === false && 'no ffmpeg on PATH'

const picture = ['-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=10:duration=2']
const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:duration=2']

/** What there are; where nothing else is said, of 2 s, and the videos of 320 x 180 pixels. */
export const recordings = {
  'video.webm': [...picture, ...sound, '-c:v', 'libvpx', '-c:a', 'libopus'],
  'video.mp4': [...picture, ...sound, '-c:v', 'mpeg4', '-c:a', 'aac', '-metadata', 'location=+51.5000-000.1200/'],
  /** As browsers record it: without a duration. */
  'live.webm': [...picture, '-c:v', 'libvpx', '-f', 'webm', '-live', '1'],
  /** Some megabytes, so that nobody loads it as a whole to show its end. */
  'long.webm': [
    ...['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=15:duration=24'],
    ...['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '16', '-b:v', '6M', '-minrate', '6M', '-g', '15'],
  ],
  'sound.ogg': [...sound, '-c:a', 'libopus'],
  'sound.mp3': [...sound, '-c:a', 'libmp3lame'],
  'sound.wav': sound,
  'sound.flac': sound,
} as const

/** Makes a recording in a folder and returns its path. */
export function makeRecording(folder: string, name: keyof typeof recordings): string {
  const path = join(folder, name)
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...recordings[name], path])
  return path
}
