import type { DeviceId, UserId } from '../matrix/ids.ts'

/** An account of this server, without its secrets. */
export interface User {
  readonly userId: UserId
  readonly createdTs: number
  readonly isAdmin: boolean
  readonly isGuest: boolean
  readonly isLocked: boolean
  readonly isSuspended: boolean
  readonly isDeactivated: boolean
  readonly isErased: boolean
  readonly appserviceId: string | undefined
  /** Undefined: a person. */
  readonly userType: string | undefined
  /** The end that is set, in ms since 1970. Whether it counts is for `Validity` to say. */
  readonly expiresTs: number | undefined
}

export interface Device {
  readonly deviceId: DeviceId
  readonly displayName: string | undefined
  readonly createdTs: number
  readonly lastSeenTs: number | undefined
  readonly lastSeenIp: string | undefined
  readonly lastSeenUserAgent: string | undefined
}

/** What a client is given when it logs in. */
export interface Grant {
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly sessionId: number
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** Lifetime of the access token in ms; undefined: it does not expire. */
  readonly expiresInMs: number | undefined
}

export interface RegistrationToken {
  readonly token: string
  /** Undefined: any number. */
  readonly usesAllowed: number | undefined
  readonly completed: number
  /** In ms since 1970; undefined: never. */
  readonly expiresTs: number | undefined
}
