import { availableParallelism } from 'node:os'
import type { Sharp } from 'sharp'
import { type StripOptions, stripPicture } from '../stripping/strip-picture.ts'
import type { PlannedSize } from './sizes.ts'

/** A picture as it is seen, that is after it has been turned upright. */
export interface PictureFacts {
  readonly width: number
  readonly height: number
  /** 1 unless it moves. */
  readonly frames: number
}

export interface Rendered {
  readonly bytes: Buffer
  readonly contentType: string
}

/** Four bytes for each pixel: red, green, blue, opacity. */
export interface RawPicture {
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
}

export interface RenderOptions {
  readonly size: PlannedSize
  /** How many frames may move; 1 makes a still picture. */
  readonly frames: number
  /** Of all frames together, before they are made smaller. */
  readonly maxPixels: number
}

/** What makes thumbnails of picture files. All but the first throw for what is no picture, or a broken one. */
export interface ImageLibrary {
  /** By media type. */
  canRead(type: string): boolean
  probe(path: string): Promise<PictureFacts>
  render(path: string, options: RenderOptions): Promise<Rendered>
  /** The picture in 32 pixels along its longer side. */
  shrink(path: string, maxPixels: number): Promise<RawPicture>
  /** Writes the picture without metadata; false where it has none. */
  strip(path: string, options: Omit<StripOptions, 'seconds'>): Promise<boolean>
}

/** Formats by what the library calls them: the media type, and the loader that may be used. Vector formats are left out. */
const formats = [
  { name: 'jpeg', types: ['image/jpeg'], loader: 'Jpeg' },
  { name: 'png', types: ['image/png', 'image/apng'], loader: 'Png' },
  { name: 'gif', types: ['image/gif'], loader: 'Nsgif' },
  { name: 'webp', types: ['image/webp'], loader: 'Webp' },
  { name: 'heif', types: ['image/avif'], loader: 'Heif' },
  { name: 'jxl', types: ['image/jxl'], loader: 'Jxl' },
  { name: 'tiff', types: ['image/tiff'], loader: 'Tiff' },
] as const

const secondsPerPicture = 20
const blurSide = 32

let loaded: Promise<ImageLibrary> | undefined

/** Loads the library when the first thumbnail is wanted. Rejects where it does not run on this machine. */
export function loadImageLibrary(): Promise<ImageLibrary> {
  loaded ??= load()
  return loaded
}

/** How many pictures are worked on at a time: one core is left to everything else. */
export const picturesAtATime = Math.max(1, Math.min(4, availableParallelism() - 1))

async function load(): Promise<ImageLibrary> {
  const { default: sharp } = await import('sharp')
  // Each picture gets one thread: several are under way at a time, and reading files needs threads, too.
  sharp.concurrency(1)
  sharp.cache(false)
  const readable = formats.filter(({ name }) => Reflect.get(sharp.format, name)?.input?.file)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({
    operation: readable.flatMap(({ loader }) => [`VipsForeignLoad${loader}File`, `VipsForeignLoad${loader}Buffer`]),
  })
  const types = new Set<string>(readable.flatMap(({ types }) => types))
  // Pictures of iPhones need a patented codec, which few builds of the library have.
  if (sharp.format.heif.input.fileSuffix?.includes('.heic')) types.add('image/heic').add('image/heif')

  return {
    canRead: (type) => types.has(type),
    probe: async (path) => {
      const {
        autoOrient,
        pages = 1,
        format,
      } = await sharp(path, { failOn: 'error', limitInputPixels: false }).metadata()
      const { width, height } = autoOrient
      if (!width || !height) throw new Error('the picture has no size')
      return { width, height, frames: format === 'gif' || format === 'webp' ? pages : 1 }
    },
    render: async (path, { size, frames, maxPixels }) => {
      const isAnimated = frames > 1
      const picture = sharp(path, {
        failOn: 'error',
        limitInputPixels: maxPixels,
        sequentialRead: true,
        ...(isAnimated ? { pages: frames } : { autoOrient: true }),
      }).timeout({ seconds: secondsPerPicture })
      return encode(resize(picture, size), isAnimated)
    },
    shrink: async (path, maxPixels) => {
      const { data, info } = await sharp(path, { failOn: 'error', limitInputPixels: maxPixels, autoOrient: true })
        .timeout({ seconds: secondsPerPicture })
        .resize({ width: blurSide, height: blurSide, fit: 'inside' })
        .toColourspace('srgb')
        .ensureAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true })
      return { pixels: data, width: info.width, height: info.height }
    },
    strip: (path, options) => stripPicture(sharp, path, { ...options, seconds: secondsPerPicture }),
  }
}

function resize(picture: Sharp, size: PlannedSize): Sharp {
  return size.method === 'crop'
    ? picture.resize({ width: size.width, height: size.height, fit: 'cover' })
    : picture.resize({ width: size.longSide, height: size.longSide, fit: 'inside', withoutEnlargement: true })
}

/** https://spec.matrix.org/v1.19/client-server-api/#thumbnails: still pictures as JPEG or PNG, moving ones as WebP. */
async function encode(picture: Sharp, isAnimated: boolean): Promise<Rendered> {
  if (isAnimated) return { bytes: await picture.webp({ quality: 70 }).toBuffer(), contentType: 'image/webp' }
  const { hasAlpha } = await picture.metadata()
  if (hasAlpha) return { bytes: await picture.png({ compressionLevel: 8 }).toBuffer(), contentType: 'image/png' }
  return { bytes: await picture.jpeg({ quality: 80 }).toBuffer(), contentType: 'image/jpeg' }
}
