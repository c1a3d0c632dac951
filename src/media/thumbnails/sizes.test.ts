import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { planSize, variantOf, type WantedSize } from './sizes.ts'

const photo = { width: 4000, height: 3000 }

test('the sizes that the specification recommends are met exactly', () => {
  const cases: [wanted: WantedSize, variant: string][] = [
    [{ width: 32, height: 32, method: 'crop' }, 'crop-32x32'],
    [{ width: 96, height: 96, method: 'crop' }, 'crop-96x96'],
    [{ width: 320, height: 240, method: 'scale' }, 'scale-320'],
    [{ width: 640, height: 480, method: 'scale' }, 'scale-640'],
    [{ width: 800, height: 600, method: 'scale' }, 'scale-800'],
    [{ width: 320, height: 240, method: 'crop' }, 'crop-320x240'],
    [{ width: 9, height: 16, method: 'crop' }, 'crop-18x32'],
    [{ width: 100, height: 100, method: 'scale' }, 'scale-128'],
    [{ width: 9999, height: 9999, method: 'scale' }, 'scale-4000'],
    [{ width: 9999, height: 9999, method: 'crop' }, 'crop-3000x3000'],
  ]
  for (const [wanted, variant] of cases) assert.equal(variantOf(planSize(wanted, photo), false), variant)
})

test('small pictures stay small', () => {
  const icon = { width: 50, height: 20 }
  assert.deepEqual(planSize({ width: 800, height: 600, method: 'scale' }, icon), { method: 'scale', longSide: 50 })
  assert.deepEqual(planSize({ width: 96, height: 96, method: 'crop' }, icon), { method: 'crop', width: 20, height: 20 })
})

const length = fc.integer({ min: 1, max: 10_000 })

test('thumbnails are never larger than the picture, nor smaller than asked for where that can be had', () => {
  fc.assert(
    fc.property(length, length, length, length, (width, height, pictureWidth, pictureHeight) => {
      const picture = { width: pictureWidth, height: pictureHeight }
      const scaled = planSize({ width, height, method: 'scale' }, picture)
      assert.ok(scaled.method === 'scale')
      const long = Math.max(pictureWidth, pictureHeight)
      const factor = Math.min(1, width / pictureWidth, height / pictureHeight)
      assert.ok(scaled.longSide <= long && scaled.longSide >= long * factor - 0.001)
      const cut = planSize({ width, height, method: 'crop' }, picture)
      assert.ok(cut.method === 'crop')
      assert.ok(cut.width <= pictureWidth && cut.height <= pictureHeight && cut.width >= 1 && cut.height >= 1)
      const fits = cut.width >= width && cut.height >= height
      const isCutShort = cut.width >= pictureWidth - 1 || cut.height >= pictureHeight - 1
      assert.ok(fits || isCutShort)
    }),
  )
})

test('whatever is asked for, a picture has few thumbnails', () => {
  const variants = new Set<string>()
  for (let width = 1; width <= 2048; width += 7) {
    for (let height = 1; height <= 2048; height += 7) {
      for (const method of ['crop', 'scale'] as const)
        variants.add(variantOf(planSize({ width, height, method }, photo), false))
    }
  }
  assert.ok(variants.size < 550, `${variants.size}`)
})
