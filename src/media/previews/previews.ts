import { createHash } from 'node:crypto'
import type { Database, Tx } from '../../db/database.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { FetchError } from '../../util/fetch-error.ts'
import { createKeyedMutex } from '../../util/keyed-mutex.ts'
import type { Log } from '../../util/log.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import { createSemaphore } from '../../util/semaphore.ts'
import type { Blobs } from '../blobs.ts'
import { removeMedia } from '../remove-media.ts'
import type { Spool } from '../spool.ts'
import type { Pictures } from '../thumbnails/pictures.ts'
import { describePage } from './describe.ts'
import type { Preview } from './open-graph.ts'
import { createPreviewImages } from './preview-image.ts'
import { getPreview, insertPreview, takeOldPreviews } from './store-previews.ts'
import { readUrl, requireAllowedUrl, type UrlRules } from './url-rules.ts'
import { createWeb, pageUnavailable } from './web.ts'

export interface PreviewOptions extends UrlRules {
  readonly enabled: boolean
  /** For a page with its picture, in ms. */
  readonly timeout: number
  /** How long a preview is taken for the present state of its page, in ms. */
  readonly cacheFor: number
}

export interface Previews {
  /**
   * What is on a page, in OpenGraph's terms; at `ts`, where that is known. Throws `M_FORBIDDEN` where previews or the site
   * are ruled out, `M_INVALID_PARAM` for what is no address, and `502 M_UNKNOWN` where the page cannot be fetched.
   */
  get(address: string, ts?: number): Promise<JsonObject>
  /** Deletes previews that nobody will ask for any more, and their pictures. */
  sweep(signal: AbortSignal): Promise<void>
}

export interface PreviewsDeps {
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly blobs: Blobs
  readonly spool: Spool
  readonly pictures: Pictures
  readonly fetch: SafeFetch
  readonly serverName: ServerName
  readonly options: PreviewOptions
}

const mostAtATime = 10
const mostImageBytes = 10 * 1024 * 1024
/** A page that could not be fetched is not tried again before, in ms. */
const retryAfter = 10 * 60 * 1000
/** Clients show old messages, and ask for what a page was then. */
const keptFor = 7 * 24 * 60 * 60 * 1000
const pageSize = 100

export function createPreviews(deps: PreviewsDeps): Previews {
  const { db, clock, log, blobs, fetch, options } = deps
  const underWay = createKeyedMutex()
  const fetches = createSemaphore(mostAtATime)
  const web = createWeb({ fetch, rules: options })
  const images = createPreviewImages({ ...deps, web, maxBytes: mostImageBytes })

  async function find(urlDigest: string, ts: number): Promise<JsonObject | undefined> {
    const stored = await db.read((reader) => getPreview(reader, urlDigest, ts))
    if (!stored || stored.expiresTs <= ts) return undefined
    if (stored.properties === null) throw pageUnavailable()
    return JSON.parse(stored.properties) as JsonObject
  }

  async function describe(url: URL, signal: AbortSignal): Promise<Preview | undefined> {
    try {
      return await describePage(web, url, signal)
    } catch (error) {
      if (!(error instanceof FetchError || error instanceof MatrixError)) throw error
      log.info({ err: error }, 'a page could not be fetched for its preview')
      return undefined
    }
  }

  /** Fetches a page and its picture, and keeps what came of it. Without its picture a preview is one, too. */
  async function fetchPreview(url: URL, urlDigest: string): Promise<JsonObject> {
    const signal = AbortSignal.timeout(options.timeout)
    const preview = await describe(url, signal)
    const fetchedTs = clock.now()
    const expiresTs = fetchedTs + (preview ? options.cacheFor : Math.min(retryAfter, options.cacheFor))
    const keep = (tx: Tx, properties: JsonObject | undefined, mediaNid: number | null) => {
      const text = properties ? JSON.stringify(properties) : null
      return insertPreview(tx, { urlDigest, properties: text, mediaNid, fetchedTs, expiresTs })
    }
    const { properties, imageUrl } = preview ?? {}
    if (imageUrl !== undefined) {
      try {
        const image = await images.fetch(new URL(imageUrl), signal, (tx, { properties: facts, mediaNid }) =>
          keep(tx, { ...properties, ...facts }, mediaNid),
        )
        return { ...properties, ...image.properties }
      } catch (error) {
        log.debug({ err: error }, 'the picture of a preview could not be fetched')
      }
    }
    await db.write('keep preview', (tx) => keep(tx, properties, null))
    if (!properties) throw pageUnavailable()
    return properties
  }

  return {
    get: async (address, ts = clock.now()) => {
      if (!options.enabled) throw errors.forbidden('This server makes no previews of web pages')
      const url = readUrl(address)
      requireAllowedUrl(url, options)
      const urlDigest = createHash('sha256').update(url.href).digest('hex')
      const then = await find(urlDigest, Math.min(ts, clock.now()))
      if (then) return then
      // Whoever waited for the same page finds it when its turn comes.
      return underWay.run(
        urlDigest,
        async () => (await find(urlDigest, clock.now())) ?? fetches.run(() => fetchPreview(url, urlDigest)),
      )
    },
    sweep: async (signal) => {
      for (let count = pageSize; count === pageSize; ) {
        signal.throwIfAborted()
        count = await db.write('old previews', async (tx) => {
          const now = clock.now()
          const { count, media } = await takeOldPreviews(tx, { before: now - keptFor, limit: pageSize, now })
          await removeMedia(tx, blobs, media, { reason: 'the preview is old', now })
          return count
        })
      }
    },
  }
}
