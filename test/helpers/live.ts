/** A reader of the live socket. */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { JsonObject } from '../../src/matrix/event.ts'

export type LiveFrame = JsonObject & { readonly pos: number; readonly type: string }

export interface LiveReader {
  readonly socket: WebSocket
  /** Everything that came so far. */
  readonly frames: LiveFrame[]
  /** The next frame that was not taken yet. */
  next(): Promise<LiveFrame>
  /** The code and the reason with which the server closed it. */
  readonly closed: Promise<{ code: number; reason: string }>
  close(): Promise<void>
}

export interface LiveOptions {
  readonly accessToken?: string
  /** As browsers send the token. */
  readonly inProtocol?: boolean
  readonly from?: number | string
}

/** The address and the rest of what a socket is made of. */
export function liveArguments(baseUrl: string, { accessToken, inProtocol = false, from }: LiveOptions) {
  const url = `${baseUrl.replace(/^http/, 'ws')}/_ringback/v1/live${from === undefined ? '' : `?from=${from}`}`
  const protocols = inProtocol ? ['ringback.live.v1', `bearer.${accessToken}`] : []
  const headers = accessToken === undefined || inProtocol ? {} : { authorization: `Bearer ${accessToken}` }
  return { url, protocols, headers }
}

/** Opens a socket; rejects where the server refuses it. */
export async function openLive(baseUrl: string, options: LiveOptions): Promise<LiveReader> {
  const { url, protocols, headers } = liveArguments(baseUrl, options)
  const socket = new WebSocket(url, protocols, { headers })
  const frames: LiveFrame[] = []
  let taken = 0
  let arrived = Promise.withResolvers<void>()
  socket.on('message', (data) => {
    frames.push(JSON.parse(String(data)) as LiveFrame)
    arrived.resolve()
    arrived = Promise.withResolvers()
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }))
  })
  await once(socket, 'open')
  return {
    socket,
    frames,
    closed,
    next: async () => {
      for (;;) {
        const frame = frames[taken]
        if (frame) {
          taken += 1
          return frame
        }
        await Promise.race([
          arrived.promise,
          closed.then(({ code }) => Promise.reject(new Error(`the socket was closed with ${code}`))),
        ])
      }
    },
    close: async () => {
      socket.close()
      await closed
    },
  }
}

/** The status and the error code with which a socket is refused. */
export async function refusedLive(
  baseUrl: string,
  options: LiveOptions,
): Promise<{ status: number | undefined; errcode: unknown }> {
  const { url, protocols, headers } = liveArguments(baseUrl, options)
  const socket = new WebSocket(url, protocols, { headers })
  return new Promise((resolve, reject) => {
    socket.once('open', () => reject(new Error('the socket was opened')))
    socket.once('error', reject)
    socket.once('unexpected-response', (_request, response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.once('end', () => {
        resolve({ status: response.statusCode, errcode: (JSON.parse(text) as JsonObject).errcode })
      })
    })
  })
}
