import { errors } from '../../matrix/errors.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import type { SafeResponse } from '../../util/safe-response.ts'
import { headerText } from './header-text.ts'
import { boundaryOf, readParts } from './multipart.ts'
import { type FederationTransport, RemoteError } from './ports.ts'

export interface MediaRequest {
  readonly origin: ServerName
  readonly mediaId: string
  /** How long the other server may wait for content that is not there yet, in ms. */
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal: AbortSignal
}

export interface DownloadedMedia {
  readonly contentType: string | undefined
  readonly disposition: string | undefined
  readonly body: AsyncIterable<Uint8Array>
  /** MSC4425: it is deleted soon, and copies should not live for more than a day. */
  readonly isEphemeral: boolean
}

interface Deps {
  readonly transport: FederationTransport
  /** For redirects to where the other server keeps its files. */
  readonly fetch: SafeFetch
}

/** Files come slowly from slow servers. */
const transferMs = 120_000

/**
 * A file of another server; undefined where it has none. Throws `M_NOT_YET_UPLOADED`, `M_TOO_LARGE` and
 * `M_CONNECTION_FAILED`. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid
 */
export async function downloadMedia(deps: Deps, request: MediaRequest): Promise<DownloadedMedia | undefined> {
  try {
    const found = await download(deps, request)
    return { ...found, body: explained(found.body) }
  } catch (error) {
    if (error instanceof RemoteError && isAbsent(error)) return undefined
    throw explain(error)
  }
}

const isAbsent = ({ status, errcode }: RemoteError) =>
  (status === 404 || status === 403) && errcode !== 'M_NOT_YET_UPLOADED' && errcode !== 'M_TOO_LARGE'

async function* explained(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw explain(error)
  }
}

/** What a client is told who asked for the file. */
function explain(error: unknown): unknown {
  if (error instanceof RemoteError) {
    if (error.errcode === 'M_NOT_YET_UPLOADED') return errors.notYetUploaded()
    return error.errcode === 'M_TOO_LARGE' ? errors.remoteTooLarge() : errors.connectionFailed()
  }
  if (!(error instanceof FetchError)) return error
  if (error.failure === 'too_large') return errors.remoteTooLarge()
  return error.failure === 'timeout' ? errors.connectionTimeout() : errors.connectionFailed()
}

async function download(deps: Deps, request: MediaRequest): Promise<DownloadedMedia> {
  const { origin: destination, mediaId, timeoutMs, maxBytes, signal } = request
  const options = {
    destination,
    method: 'GET',
    timeoutMs: timeoutMs + transferMs,
    maxBytes: maxBytes + 65_536,
    signal,
  } as const
  const id = encodeURIComponent(mediaId)
  try {
    const path = `/_matrix/federation/v1/media/download/${id}?timeout_ms=${timeoutMs}`
    return await takeApart(deps, await deps.transport.stream({ ...options, path }), request)
  } catch (error) {
    const isOld = error instanceof RemoteError && error.status === 404 && error.errcode === 'M_UNRECOGNIZED'
    if (!isOld) throw error
    // Servers before version 1.11 of the specification.
    const path = `/_matrix/media/v3/download/${encodeURIComponent(destination)}/${id}?allow_remote=false`
    return whole(await deps.transport.stream({ ...options, path }))
  }
}

function whole(response: SafeResponse): DownloadedMedia {
  const { 'content-type': contentType, 'content-disposition': disposition } = response.headers
  // Node reads headers as Latin-1.
  const named = disposition === undefined ? undefined : headerText(Buffer.from(disposition, 'latin1'))
  return { contentType, disposition: named, body: response.body, isEphemeral: false }
}

/** Whoever stops reading early lets go of the connection too. */
async function* closing(body: AsyncIterable<Uint8Array>, response: SafeResponse): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } finally {
    response.discard()
  }
}

const mostMetadata = 16_384

/** What the part of JSON says of how long to keep a copy. What cannot be understood says nothing. */
async function readHint(body: AsyncIterable<Uint8Array>): Promise<boolean> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size <= mostMetadata) chunks.push(chunk)
  }
  if (size > mostMetadata) return false
  try {
    const json: unknown = Object(JSON.parse(Buffer.concat(chunks).toString()))
    return Object(json).ephemeral === true || Object(json)['org.matrix.msc4425.ephemeral'] === true
  } catch {
    return false
  }
}

async function takeApart(deps: Deps, response: SafeResponse, request: MediaRequest): Promise<DownloadedMedia> {
  const boundary = boundaryOf(response.headers['content-type'])
  if (boundary === undefined) {
    response.discard()
    throw new FetchError('network', 'the other server sent its media in another form than multipart')
  }
  const parts = readParts(response.body, boundary)
  const { value: first } = await parts.next()
  const isEphemeral = first !== undefined && (await readHint(first.body))
  const { value: file, done } = await parts.next()
  if (done) throw new FetchError('network', 'the other server sent no media')
  const location = file.headers.get('location')
  if (location === undefined) {
    return {
      contentType: file.headers.get('content-type'),
      disposition: file.headers.get('content-disposition'),
      body: closing(file.body, response),
      isEphemeral,
    }
  }
  response.discard()
  const { maxBytes, signal } = request
  const elsewhere = await deps.fetch.fetch(location, { timeoutMs: transferMs, maxBytes, signal })
  if (elsewhere.status === 200) return { ...whole(elsewhere), isEphemeral }
  elsewhere.discard()
  throw new FetchError('network', `the place that the other server named answered with status ${elsewhere.status}`)
}
