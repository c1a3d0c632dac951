/** A thumbnail that a client asks for. */
export interface WantedSize {
  readonly width: number
  readonly height: number
  readonly method: 'crop' | 'scale'
}

/** A thumbnail as it is made: `scale` keeps the shape of the picture, `crop` cuts it to this one. */
export type PlannedSize =
  | { readonly method: 'scale'; readonly longSide: number }
  | { readonly method: 'crop'; readonly width: number; readonly height: number }

/** Sizes that thumbnails are made in: a picture has few, whatever clients ask for. */
const rungs = [32, 48, 64, 96, 128, 160, 240, 320, 480, 600, 640, 800, 1024, 1280, 1600, 2048]
/** Shapes of cut thumbnails differ in steps of their longer side divided by this. */
const shapeSteps = 16

/** The next size up; beyond the largest there is only the picture itself. */
function rungFor(length: number): number {
  return rungs.find((rung) => rung >= length) ?? Number.POSITIVE_INFINITY
}

/**
 * The smallest thumbnail we make that is not smaller than what is asked for. Pictures are never enlarged.
 * https://spec.matrix.org/v1.19/client-server-api/#thumbnails
 */
export function planSize(wanted: WantedSize, picture: { width: number; height: number }): PlannedSize {
  const { width, height, method } = wanted
  if (method === 'scale') {
    const factor = Math.min(1, width / picture.width, height / picture.height)
    const longSide = Math.max(picture.width, picture.height)
    // The remainder of a division must not lead to the next size.
    return { method, longSide: Math.min(rungFor(Math.ceil(longSide * factor - 0.001)), longSide) }
  }
  const long = Math.max(width, height)
  const shape = Math.ceil((Math.min(width, height) / long) * shapeSteps - 0.001) / shapeSteps
  const [across, down] = width >= height ? [1, shape] : [shape, 1]
  const longSide = Math.min(rungFor(long), picture.width / across, picture.height / down)
  return { method, width: atLeastOne(longSide * across), height: atLeastOne(longSide * down) }
}

function atLeastOne(length: number): number {
  return Math.max(1, Math.round(length))
}

/** What the thumbnail is filed under. */
export function variantOf(size: PlannedSize, isAnimated: boolean): string {
  const name = size.method === 'scale' ? `scale-${size.longSide}` : `crop-${size.width}x${size.height}`
  return isAnimated ? `${name}-animated` : name
}
