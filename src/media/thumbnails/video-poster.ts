import { fileURLToPath } from 'node:url'

/** Media types of videos, and the one format that ffmpeg may read each as: never as a playlist, which names other files. */
const formats: ReadonlyMap<string, string> = new Map([
  ['video/mp4', 'mov'],
  ['video/quicktime', 'mov'],
  ['video/x-m4v', 'mov'],
  ['video/3gpp', 'mov'],
  ['video/webm', 'matroska'],
  ['video/matroska', 'matroska'],
  ['video/x-matroska', 'matroska'],
  ['video/ogg', 'ogg'],
])

const secondsPerVideo = 20
const longestSide = 1280

/** Runs ffmpeg under limits of memory and time; Windows has no shell that could set them. */
const program = process.platform === 'win32' ? 'ffmpeg' : fileURLToPath(new URL('limited-ffmpeg.sh', import.meta.url))

export function isVideo(type: string): boolean {
  return formats.has(type)
}

/** Writes the most telling of a video's first pictures to `target`, as PNG. Throws where ffmpeg fails or takes too long. */
export async function writePoster(
  path: string,
  options: { type: string; target: string; maxPixels: number },
): Promise<void> {
  const { type, target, maxPixels } = options
  const format = formats.get(type)
  if (format === undefined) throw new Error(`${type} is no video`)
  const { default: ffmpeg } = await import('fluent-ffmpeg')
  const fit = `scale='min(${longestSide},iw)':'min(${longestSide},ih)':force_original_aspect_ratio=decrease`
  await new Promise<void>((resolve, reject) => {
    ffmpeg({ source: path, timeout: secondsPerVideo })
      .setFfmpegPath(program)
      .inputOptions(['-protocol_whitelist', 'file', '-f', format, '-threads', '1', '-max_pixels', String(maxPixels)])
      .outputOptions(['-map', '0:v:0', '-vf', `thumbnail=24,${fit}`, '-frames:v', '1', '-threads', '1'])
      .outputOptions(['-c:v', 'png', '-f', 'image2pipe'])
      .on('end', () => resolve())
      .on('error', (error) => reject(new Error(error.message)))
      .save(target)
  })
}
