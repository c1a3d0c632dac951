import { encode } from 'blurhash'
import type { RawPicture } from '../thumbnails/image-library.ts'

/** A short text from which clients draw a blur of the picture, four blotches along its longer side. https://blurha.sh */
export function blurhashOf({ pixels, width, height }: RawPicture): string {
  const [across, down] = width >= height ? [4, 3] : [3, 4]
  return encode(new Uint8ClampedArray(pixels), width, height, across, down)
}
