import type sharpModule from 'sharp'
import type { Metadata, Sharp } from 'sharp'

type Encode = (picture: Sharp) => Sharp

/** As close to the picture as the format can be without growing much. */
const encoders: Readonly<Record<string, Encode>> = {
  jpeg: (picture) => picture.jpeg({ quality: 92 }),
  png: (picture) => picture.png(),
  gif: (picture) => picture.gif(),
  webp: (picture) => picture.webp({ quality: 92 }),
  heif: (picture) => picture.avif({ quality: 80 }),
  tiff: (picture) => picture.tiff({ compression: 'lzw' }),
}

export interface StripOptions {
  readonly target: string
  /** Of all frames together. */
  readonly maxPixels: number
  readonly seconds: number
}

/**
 * Writes a picture to `target` without what it tells beside itself, standing upright, in the same format, with its colours
 * and movements. False where there is nothing to remove. Throws for what is no picture, or too large a one.
 */
export async function stripPicture(
  sharp: typeof sharpModule,
  path: string,
  { target, maxPixels, seconds }: StripOptions,
): Promise<boolean> {
  const facts = await sharp(path, { failOn: 'error', limitInputPixels: false }).metadata()
  if (!tells(facts)) return false
  const encode = encoders[facts.format]
  if (!encode) throw new Error(`pictures of the format ${facts.format} cannot be written`)
  const moves = (facts.pages ?? 1) > 1 && facts.format !== 'heif'
  const kind = moves ? { animated: true } : { autoOrient: true }
  const picture = sharp(path, { failOn: 'error', limitInputPixels: maxPixels, ...kind }).timeout({ seconds })
  await encode(picture.keepIccProfile()).toFile(target)
  return true
}

function tells({ format, exif, iptc, xmp, tifftagPhotoshop, comments, orientation }: Metadata): boolean {
  // Its tags are not all read here, and a place may be among them.
  if (format === 'tiff') return true
  const hasText = comments !== undefined && comments.length > 0
  return Boolean(exif ?? iptc ?? xmp ?? tifftagPhotoshop) || hasText || (orientation ?? 1) !== 1
}
