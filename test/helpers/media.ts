/** Uploads and downloads as clients make them. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { checkResponse, noteAnswer } from './contract.ts'
import type { TestUser } from './server.ts'

export interface Downloaded {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
  /** The error code, where the answer is an error. */
  readonly errcode: string | undefined
}

export interface UploadOptions {
  readonly type?: string
  readonly name?: string
}

/** Uploads bytes and returns the `mxc:` URI. */
export async function upload(user: TestUser, bytes: string | Buffer, options: UploadOptions = {}): Promise<string> {
  const { content_uri } = await user.post<{ content_uri: string }>(
    '/_matrix/media/v3/upload',
    new Uint8Array(Buffer.from(bytes)),
    {
      ...(options.name === undefined ? {} : { query: { filename: options.name } }),
      headers: { 'Content-Type': options.type ?? 'application/octet-stream' },
    },
  )
  return content_uri
}

/** `origin/id` of an `mxc:` URI, for paths. */
export function placeOf(mxc: string): string {
  return mxc.slice('mxc://'.length)
}

/** Gets any path of the repository with the user's token; errors are checked against the specification. */
export async function getMedia(
  user: Pick<TestUser, 'baseUrl' | 'accessToken'> | { baseUrl: string; accessToken?: string | undefined },
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Downloaded> {
  const response = await fetch(user.baseUrl + path, {
    method,
    redirect: 'manual',
    headers: { ...(user.accessToken ? { Authorization: `Bearer ${user.accessToken}` } : {}), ...headers },
  })
  noteAnswer(method, path, response.status)
  const bytes = Buffer.from(await response.arrayBuffer())
  const isJson =
    response.headers.get('content-type') === 'application/json' && response.status >= 400 && bytes.length > 0
  const body = isJson ? JSON.parse(bytes.toString()) : undefined
  if (response.status >= 400 && method !== 'HEAD') {
    const faults = checkResponse({ method, path, status: response.status, body })
    if (faults.length > 0) throw new Error(faults.join('\n'))
  }
  return { status: response.status, headers: response.headers, bytes, errcode: body?.errcode }
}

export function download(user: TestUser, mxc: string, headers: Record<string, string> = {}): Promise<Downloaded> {
  return getMedia(user, `/_matrix/client/v1/media/download/${placeOf(mxc)}`, { headers })
}

/** Names of all files in the media folder of a server, temporary ones included. */
export function mediaFiles(dataDir: string): string[] {
  const folder = join(dataDir, 'media')
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort()
}
