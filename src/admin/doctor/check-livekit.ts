import type { Clock } from '../../util/clock.ts'
import { FetchError } from '../../util/fetch-error.ts'
import { randomToken } from '../../util/random.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import { signAccessToken } from '../../voip/livekit/access-token.ts'
import { innerUrlOf, type LivekitSettings } from '../../voip/livekit/livekit-server.ts'
import { type Finding, findingsOf } from './finding.ts'

export interface LivekitCheckDeps {
  readonly fetch: SafeFetch
  readonly clock: Clock
  readonly settings: LivekitSettings
  /** What clients dial. */
  readonly url: string
}

const { fine, bad } = findingsOf('livekit')
const limits = { timeoutMs: 10_000, maxBytes: 256 * 1024, maxRedirects: 0 }

/** Looks whether LiveKit has our key, is reached where clients look for it, and opens no calls by itself. */
export async function* checkLivekit(deps: LivekitCheckDeps): AsyncGenerator<Finding> {
  const inner = innerUrlOf(deps.settings)
  yield await attempt(`LiveKit does not answer at ${inner}`, () => checkKey(deps, inner))
  yield await attempt(`Apps do not reach LiveKit at ${deps.url}`, () => checkDoor(deps))
}

async function attempt(failure: string, check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check()
  } catch (error) {
    if (!(error instanceof FetchError)) throw error
    return bad(`${failure}: ${error.message}.`)
  }
}

async function checkKey({ fetch, clock, settings }: LivekitCheckDeps, inner: string): Promise<Finding> {
  const token = signAccessToken(settings, { video: { roomList: true }, lifetimeMs: 60_000 }, clock.now())
  const response = await fetch.fetch(`${inner}/twirp/livekit.RoomService/ListRooms`, {
    ...limits,
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  })
  const { status } = response
  response.discard()
  if (status === 200) return fine(`LiveKit answers at ${inner} and knows the key ${settings.api_key}.`)
  if (status === 401) {
    return bad(`LiveKit at ${inner} refuses the key ${settings.api_key}: its keys: need the same name and secret.`)
  }
  return bad(`What answers at ${inner} is no LiveKit server: it says ${status}.`)
}

/** A call that nobody has opened must not open for whoever has a token. */
async function checkDoor({ fetch, clock, settings, url }: LivekitCheckDeps): Promise<Finding> {
  const video = { room: `ringback-doctor-${randomToken(9)}`, roomJoin: true }
  const token = signAccessToken(settings, { identity: 'ringback-doctor', video, lifetimeMs: 60_000 }, clock.now())
  const address = `${url.replace(/^ws/, 'http').replace(/\/+$/, '')}/rtc/validate?access_token=${token}`
  const response = await fetch.fetch(address, limits)
  const { status } = response
  response.discard()
  if (status === 404) return fine(`Apps reach LiveKit at ${url}, and it opens no calls by itself.`)
  if (status === 200) {
    return bad(
      'LiveKit opens calls for whoever has a token, also for users of other servers: set room.auto_create: false in livekit.yaml.',
    )
  }
  if (status === 401)
    return bad(`What answers at ${url} does not know the key ${settings.api_key}: is it another LiveKit server?`)
  return bad(`What answers at ${url} is no LiveKit server: it says ${status}.`)
}
