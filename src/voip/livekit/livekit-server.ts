import { errors, type MatrixError } from '../../matrix/errors.ts'
import type { Clock } from '../../util/clock.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { Log } from '../../util/log.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import { type LivekitKey, signAccessToken } from './access-token.ts'
import { parseParticipant } from './webhook.ts'

export interface LivekitSettings extends LivekitKey {
  /** What clients dial; by way of this server unless given. */
  readonly url?: string | undefined
  /** What we dial; the same unless given. */
  readonly internal_url?: string | undefined
}

/** A connection of a participant: LiveKit's name of it, and when it was made, in ms. */
export type Presence = ReturnType<typeof parseParticipant>

export interface LivekitServer {
  /** Opens a room, or leaves it as it is where it is open. Throws `M_CONNECTION_FAILED`. */
  createRoom(name: string): Promise<void>
  /** The connection by which somebody is in a call now. Throws `M_CONNECTION_FAILED`. */
  findParticipant(room: string, identity: string): Promise<Presence | undefined>
  /** Puts somebody out of a call, or does nothing where they are not in it. Throws `M_CONNECTION_FAILED`. */
  removeParticipant(room: string, identity: string): Promise<void>
}

export interface LivekitServerDeps {
  readonly clock: Clock
  readonly log: Log
  readonly fetch: SafeFetch
  readonly settings: LivekitSettings
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** A token for one request may be used for as long as clocks may differ. */
const tokenLifetimeMs = 10 * 60_000
/** In seconds: how long a room waits for the first to come, and stays after the last has left. */
const patience = { empty_timeout: 300, departure_timeout: 20 }

/** Where this server reaches LiveKit: `http://127.0.0.1:7880`. */
export function innerUrlOf({ url = '', internal_url: inner }: Pick<LivekitSettings, 'url' | 'internal_url'>): string {
  return (inner ?? url.replace(/^ws/, 'http')).replace(/\/+$/, '')
}

/** Requests of this server to LiveKit: https://docs.livekit.io/reference/other/roomservice-api/ */
export function createLivekitServer({ clock, log, fetch, settings }: LivekitServerDeps): LivekitServer {
  const base = innerUrlOf(settings)

  async function call(method: string, video: Record<string, boolean | string>, body: object): Promise<Answer> {
    const token = signAccessToken(settings, { video, lifetimeMs: tokenLifetimeMs }, clock.now())
    try {
      const response = await fetch.fetch(`${base}/twirp/livekit.RoomService/${method}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        timeoutMs: 10_000,
        maxBytes: 512 * 1024,
        maxRedirects: 0,
        isRepeatable: true,
      })
      return { status: response.status, text: await response.text() }
    } catch (error) {
      if (!(error instanceof FetchError)) throw error
      log.warn({ err: error }, 'LiveKit cannot be reached, so that there are no calls')
      throw errors.connectionFailed('The server for calls does not answer')
    }
  }

  function refused(method: string, status: number): MatrixError {
    log.warn({ method, status }, 'LiveKit refused a request; see whether voip.livekit has its key')
    return errors.connectionFailed('The server for calls refuses what it is asked')
  }

  /** Undefined where there is no such participant. */
  async function about(method: string, room: string, identity: string): Promise<string | undefined> {
    const { status, text } = await call(method, { roomAdmin: true, room }, { room, identity })
    if (status !== 200 && status !== 404) throw refused(method, status)
    return status === 200 ? text : undefined
  }

  return {
    createRoom: async (name) => {
      const { status } = await call('CreateRoom', { roomCreate: true }, { name, ...patience })
      if (status !== 200) throw refused('CreateRoom', status)
    },
    findParticipant: async (room, identity) => {
      const text = await about('GetParticipant', room, identity)
      return text === undefined ? undefined : parseParticipant(JSON.parse(text))
    },
    removeParticipant: async (room, identity) => void (await about('RemoveParticipant', room, identity)),
  }
}
