import type { JsonObject } from '../../matrix/event.ts'
import { clean, type PageFacts, shorten } from './page-facts.ts'
import { readRobots } from './robots.ts'

/** A preview without its picture, and where the picture is. */
export interface Preview {
  readonly properties: JsonObject
  readonly imageUrl: string | undefined
}

/** Properties that we set ourselves, or that would lead clients to other servers. */
const withheld = /^og:(?:image|video|audio)(?::|$)/
const longestProperty = 1000
const mostProperties = 30

/**
 * What a page tells in OpenGraph, filled up from Twitter cards and from the page itself. `base` resolves addresses.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediapreview_url
 */
export function previewPage(facts: PageFacts, { base, robots }: { base: string; robots: string | undefined }): Preview {
  const { meta, title, text, image } = facts
  const allowed = readRobots([robots, meta.get('robots')])
  const properties: Record<string, string> = {}
  for (const [name, value] of meta) {
    const isShown = name.startsWith('og:') && !withheld.test(name) && Object.keys(properties).length < mostProperties
    if (isShown) properties[name] = shorten(value, longestProperty)
  }
  const fill = (name: string, value: string | undefined) => {
    if (value !== undefined) properties[name] ??= shorten(value, longestProperty)
  }
  fill('og:title', meta.get('twitter:title') ?? title)
  fill('og:description', meta.get('twitter:description') ?? meta.get('description') ?? text)
  if (!allowed.snippet) delete properties['og:description']
  const imageUrl = meta.get('og:image') ?? meta.get('og:image:url') ?? meta.get('twitter:image') ?? image
  return {
    properties,
    imageUrl: allowed.image && imageUrl !== undefined ? URL.parse(imageUrl, base)?.href : undefined,
  }
}

/** Fills gaps of a preview from an oEmbed description: https://oembed.com/#section2.3 */
export function addOembed({ properties, imageUrl }: Preview, oembed: unknown, base: string): Preview {
  if (typeof oembed !== 'object' || oembed === null) return { properties, imageUrl }
  const text = (key: string) => {
    const value: unknown = Reflect.get(oembed, key)
    return typeof value === 'string' ? shorten(clean(value), longestProperty) : undefined
  }
  const found = {
    'og:title': text('title') ?? text('author_name'),
    'og:site_name': text('provider_name'),
  }
  const filled = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as JsonObject
  const picture = text('type') === 'photo' ? (text('url') ?? text('thumbnail_url')) : text('thumbnail_url')
  const pictureUrl = picture === undefined ? undefined : URL.parse(picture, base)?.href
  return { properties: { ...filled, ...properties }, imageUrl: imageUrl ?? pictureUrl }
}
