import { essenceOf } from '../content-type.ts'

/** Containers that ffmpeg can write as it has read them. */
const containers: ReadonlyMap<string, string> = new Map([
  ['video/mp4', 'mp4'],
  ['video/quicktime', 'mov'],
  ['video/x-m4v', 'mp4'],
  ['video/3gpp', '3gp'],
  ['video/webm', 'webm'],
  ['video/matroska', 'matroska'],
  ['video/x-matroska', 'matroska'],
  ['video/ogg', 'ogg'],
  ['audio/mp4', 'mp4'],
  ['audio/x-m4a', 'mp4'],
  ['audio/webm', 'webm'],
  ['audio/ogg', 'ogg'],
  ['application/ogg', 'ogg'],
  ['audio/mpeg', 'mp3'],
  ['audio/flac', 'flac'],
  ['audio/x-flac', 'flac'],
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/vnd.wave', 'wav'],
])

/** Options of ffmpeg that copy sound and moving pictures and leave the rest; undefined for what cannot be written. */
export function stripOptionsFor(type: string): string[] | undefined {
  const container = containers.get(essenceOf(type))
  if (container === undefined) return undefined
  // Places and times stand in the file's own metadata, in that of its streams, and in streams of data.
  const kept = ['-map', '0:v?', '-map', '0:a?', '-c', 'copy']
  return [
    ...kept,
    '-map_metadata',
    '-1',
    '-map_metadata:s',
    '-1',
    '-map_chapters',
    '-1',
    '-fflags',
    '+bitexact',
    '-f',
    container,
  ]
}
