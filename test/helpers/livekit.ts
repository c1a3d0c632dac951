import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export const livekitKey = { api_key: 'ringback', api_secret: 'a secret of at least 32 characters' }

export interface LivekitClaims {
  iss: string
  sub?: string
  /** In seconds. */
  nbf: number
  exp: number
  video: Record<string, unknown>
}

/** Reads a token as LiveKit does; undefined where it would turn it away at that time, in ms. */
export function openLivekitToken(jwt: string, now: number): LivekitClaims | undefined {
  const [head = '', body = '', signature] = jwt.split('.')
  const expected = createHmac('sha256', livekitKey.api_secret).update(`${head}.${body}`).digest('base64url')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  if (signature !== expected || read(head).alg !== 'HS256') return undefined
  const claims: LivekitClaims = read(body)
  const seconds = now / 1000
  return claims.iss === livekitKey.api_key && claims.nbf <= seconds && seconds < claims.exp ? claims : undefined
}

/** Signs claims as LiveKit does. */
export function signLivekitToken(claims: object, secret = livekitKey.api_secret, alg = 'HS256'): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg, typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** The claims of a webhook that LiveKit sends at that time, in ms. */
export function webhookClaims(body: string, now: number) {
  const seconds = Math.floor(now / 1000)
  const sha256 = createHash('sha256').update(body).digest('base64')
  return { iss: livekitKey.api_key, exp: seconds + 300, nbf: seconds, iat: seconds, sha256 }
}

export interface ToldParticipant {
  readonly room: string
  readonly identity: string
  readonly sid?: string
  /** In ms. */
  readonly joinedAt: number
  readonly reason?: string
}

/** The body of a webhook, in the shape that livekit-server 1.13 sends. */
export function webhookBody(event: string, told: ToldParticipant, now: number): string {
  const { room, identity, sid = 'PA_KuefM7uY3gwF', joinedAt, reason } = told
  return JSON.stringify({
    event,
    room: { sid: 'RM_5zo8oiUBXKtk', name: room, emptyTimeout: 300, creationTime: '1795745552', numParticipants: 1 },
    participant: {
      sid,
      identity,
      state: reason === undefined ? 'ACTIVE' : 'DISCONNECTED',
      joinedAt: String(Math.floor(joinedAt / 1000)),
      joinedAtMs: String(joinedAt),
      version: 2,
      permission: { canSubscribe: true, canPublish: true, canPublishData: true },
      ...(reason !== undefined && { disconnectReason: reason }),
    },
    id: 'EV_Q4FK8B5Rhq5M',
    createdAt: String(Math.floor(now / 1000)),
  })
}

export interface FakeLivekit extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** What it was asked to open, in order. */
  readonly opened: { name: string; empty_timeout: number; departure_timeout: number }[]
  /** Calls open for whoever has a token: `room.auto_create`. */
  opensByItself: boolean
  /** Who is in its calls: `room identity`. */
  readonly present: Set<string>
  /** Who it was asked to put out of calls: `room identity`. */
  readonly removed: string[]
  /** It answers nothing but this. */
  failure: number | 'no answer' | undefined
}

/** A LiveKit server that knows few requests, and refuses them to whoever may not make them. */
export async function startLivekit(now: () => number): Promise<FakeLivekit> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (livekit.failure === 'no answer') return request.socket.destroy()
    if (livekit.failure !== undefined) return answer(livekit.failure, { code: 'internal' })
    if (request.url?.startsWith('/rtc/validate?')) {
      const claims = openLivekitToken(new URL(request.url, 'http://x').searchParams.get('access_token') ?? '', now())
      if (claims?.video.roomJoin !== true) return answer(401, {})
      return answer(livekit.opensByItself ? 200 : 404, {})
    }
    if (request.method !== 'POST') return answer(404, { code: 'bad_route' })
    const claims = openLivekitToken(request.headers.authorization?.replace('Bearer ', '') ?? '', now())
    const method = /^\/twirp\/livekit\.RoomService\/(\w+)$/.exec(request.url ?? '')?.[1]
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    switch (method) {
      case 'CreateRoom':
        if (claims?.video.roomCreate !== true) return answer(401, { code: 'unauthenticated' })
        livekit.opened.push(body)
        return answer(200, { sid: 'RM_x', ...body })
      case 'ListRooms':
        return claims?.video.roomList === true ? answer(200, { rooms: [] }) : answer(401, { code: 'unauthenticated' })
      case 'GetParticipant':
      case 'RemoveParticipant': {
        if (claims?.video.roomAdmin !== true || claims.video.room !== body.room) {
          return answer(401, { code: 'unauthenticated' })
        }
        const name = `${body.room} ${body.identity}`
        if (method === 'RemoveParticipant') livekit.removed.push(name)
        if (!livekit.present.has(name)) return answer(404, { code: 'not_found' })
        if (method === 'RemoveParticipant') return answer(200, {})
        const joined = { joined_at: String(Math.floor(now() / 1000)), joined_at_ms: String(now()) }
        return answer(200, { sid: 'PA_KuefM7uY3gwF', identity: body.identity, state: 'ACTIVE', ...joined })
      }
      default:
        return answer(404, { code: 'bad_route' })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const livekit: FakeLivekit = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    opened: [],
    opensByItself: false,
    present: new Set(),
    removed: [],
    failure: undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return livekit
}
