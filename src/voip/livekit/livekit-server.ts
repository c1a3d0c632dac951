import { errors } from '../../matrix/errors.ts'
import type { Clock } from '../../util/clock.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { Log } from '../../util/log.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import { type LivekitKey, signAccessToken } from './access-token.ts'

export interface LivekitSettings extends LivekitKey {
  /** What clients dial. */
  readonly url: string
  /** What we dial; the same unless given. */
  readonly internal_url?: string | undefined
}

export interface LivekitServer {
  /** Opens a room, or leaves it as it is where it is open. Throws `M_CONNECTION_FAILED`. */
  createRoom(name: string): Promise<void>
}

export interface LivekitServerDeps {
  readonly clock: Clock
  readonly log: Log
  readonly fetch: SafeFetch
  readonly settings: LivekitSettings
}

/** A token for one request may be used for as long as clocks may differ. */
const tokenLifetimeMs = 10 * 60_000
/** In seconds: how long a room waits for the first to come, and stays after the last has left. */
const patience = { empty_timeout: 300, departure_timeout: 20 }

/** Requests of this server to LiveKit: https://docs.livekit.io/reference/other/roomservice-api/ */
export function createLivekitServer({ clock, log, fetch, settings }: LivekitServerDeps): LivekitServer {
  const base = (settings.internal_url ?? settings.url.replace(/^ws/, 'http')).replace(/\/+$/, '')

  async function call(method: string, video: Record<string, boolean>, body: object): Promise<number> {
    const token = signAccessToken(settings, { video, lifetimeMs: tokenLifetimeMs }, clock.now())
    const response = await fetch.fetch(`${base}/twirp/livekit.RoomService/${method}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      timeoutMs: 10_000,
      maxBytes: 64 * 1024,
      maxRedirects: 0,
      isRepeatable: true,
    })
    response.discard()
    return response.status
  }

  return {
    createRoom: async (name) => {
      let status: number
      try {
        status = await call('CreateRoom', { roomCreate: true }, { name, ...patience })
      } catch (error) {
        if (!(error instanceof FetchError)) throw error
        log.warn({ err: error }, 'LiveKit cannot be reached, so that there are no calls')
        throw errors.connectionFailed('The server for calls does not answer')
      }
      if (status === 200) return
      log.warn({ status }, 'LiveKit did not open a room; see whether voip.livekit has its key')
      throw errors.connectionFailed('The server for calls did not open a room')
    },
  }
}
