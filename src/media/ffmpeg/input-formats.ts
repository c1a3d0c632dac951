import { essenceOf } from '../content-type.ts'

/**
 * Media types, and the one format that ffmpeg may read each as. It never guesses the format: what it takes for a playlist
 * would make it open other files.
 */
const formats: ReadonlyMap<string, string> = new Map([
  ['video/mp4', 'mov'],
  ['video/quicktime', 'mov'],
  ['video/x-m4v', 'mov'],
  ['video/3gpp', 'mov'],
  ['video/webm', 'matroska'],
  ['video/matroska', 'matroska'],
  ['video/x-matroska', 'matroska'],
  ['video/ogg', 'ogg'],
  ['audio/mp4', 'mov'],
  ['audio/x-m4a', 'mov'],
  ['audio/webm', 'matroska'],
  ['audio/ogg', 'ogg'],
  ['application/ogg', 'ogg'],
  ['audio/mpeg', 'mp3'],
  ['audio/aac', 'aac'],
  ['audio/flac', 'flac'],
  ['audio/x-flac', 'flac'],
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/vnd.wave', 'wav'],
  ['audio/amr', 'amr'],
])

/** The name that ffmpeg has for a media type's container; undefined for what is not given to it. */
export function inputFormatOf(type: string): string | undefined {
  return formats.get(essenceOf(type))
}

/** Whether posters are made of files of this type. */
export function isVideo(type: string): boolean {
  return type.startsWith('video/') && inputFormatOf(type) !== undefined
}
