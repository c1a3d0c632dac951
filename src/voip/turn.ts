import { createHmac } from 'node:crypto'
import type { UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'

export interface TurnCredentials {
  readonly username: string
  readonly password: string
  readonly uris: readonly string[]
  /** How long they are valid, in seconds. */
  readonly ttl: number
}

export interface Turn {
  /** Whether guests get credentials, too. */
  readonly guests: boolean
  /** Credentials for the TURN server that expire by themselves; undefined where there is no TURN server. */
  credentials(userId: UserId): TurnCredentials | undefined
}

export interface TurnOptions {
  readonly uris: readonly string[]
  readonly shared_secret?: string | undefined
  /** In ms. */
  readonly ttl: number
  /** Default false. */
  readonly guests?: boolean
}

/**
 * The convention of coturn and its relatives: the user name tells when it expires, the password is its MAC under the
 * secret that both servers know. https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00
 */
export function createTurn(clock: Clock, { uris, shared_secret: secret, ttl, guests = false }: TurnOptions): Turn {
  return {
    guests,
    credentials: (userId) => {
      if (uris.length === 0 || secret === undefined) return undefined
      const seconds = Math.floor(ttl / 1000)
      const username = `${Math.floor(clock.now() / 1000) + seconds}:${userId}`
      const password = createHmac('sha1', secret).update(username).digest('base64')
      return { username, password, uris, ttl: seconds }
    },
  }
}
