import type { SafeResponse } from '../../util/safe-response.ts'
import { essenceOf } from '../content-type.ts'
import { decodePage } from './charset.ts'
import { addOembed, type Preview, previewPage } from './open-graph.ts'
import { readPage } from './page-facts.ts'
import { readBeginning, type Web } from './web.ts'

const pageTypes: ReadonlySet<string> = new Set(['text/html', 'application/xhtml+xml'])
const mostPageBytes = 1024 * 1024
const mostOembedBytes = 256 * 1024

/** Fetches a page and says what it is about. Pictures are their own previews; other files have none. */
export async function describePage(web: Web, url: URL, signal: AbortSignal): Promise<Preview> {
  const accept = 'text/html, application/xhtml+xml, image/*;q=0.9, */*;q=0.1'
  const response = await web.get(url, { accept, signal })
  const { headers, url: address } = response
  const contentType = headers['content-type'] ?? ''
  if (essenceOf(contentType).startsWith('image/')) {
    response.discard()
    return { properties: {}, imageUrl: address }
  }
  if (!pageTypes.has(essenceOf(contentType))) {
    response.discard()
    return { properties: {}, imageUrl: undefined }
  }
  const facts = readPage(decodePage(await readBeginning(response, mostPageBytes), contentType))
  const base = URL.parse(facts.base ?? '', address)?.href ?? address
  const preview = previewPage(facts, { base, robots: robotsOf(response) })
  const isComplete = preview.properties['og:title'] !== undefined && preview.imageUrl !== undefined
  const oembedUrl = facts.oembed === undefined || isComplete ? null : URL.parse(facts.oembed, base)
  return oembedUrl ? addOembed(preview, await fetchOembed(web, oembedUrl, signal), oembedUrl.href) : preview
}

function robotsOf({ headers }: SafeResponse): string | undefined {
  const header = headers['x-robots-tag']
  return Array.isArray(header) ? header.join(',') : header
}

/** Undefined where it cannot be had: the page has told something already. */
async function fetchOembed(web: Web, url: URL, signal: AbortSignal): Promise<unknown> {
  try {
    const response = await web.get(url, { accept: 'application/json', signal, maxBytes: mostOembedBytes })
    return await response.json()
  } catch {
    return undefined
  }
}
