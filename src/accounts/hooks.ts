import type { Reader, Tx } from '../db/database.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { DeviceId, UserId } from '../matrix/ids.ts'

export interface DeviceRef {
  readonly userId: UserId
  readonly deviceId: DeviceId
}

export interface ThreepidRef {
  readonly userId: UserId
  readonly medium: string
  readonly address: string
}

export interface ProfileChange {
  readonly userId: UserId
  /** The fields that changed and their new values; null: removed. */
  readonly fields: JsonObject
}

/** Called inside the transaction that ends a session and deletes its device: keys, inboxes and pushers go with it. */
export type SessionEndHook = (tx: Tx, device: DeviceRef) => Promise<void>
/** Called inside the transaction that renames a device. */
export type DeviceRenameHook = (tx: Tx, device: DeviceRef) => Promise<void>
/** Called inside the transaction that deactivates an account. Leaving rooms is begun from there. */
export type DeactivateHook = (tx: Tx, account: { userId: UserId; erase: boolean }) => Promise<void>
/** Called after a profile change is on disk; the client's request waits for it. */
export type ProfileChangeHook = (change: ProfileChange) => Promise<void>
/** Says whether a user may log in with this device id, by throwing: it may not be the id of a cross-signing key. */
export type DeviceIdCheck = (reader: Reader, device: DeviceRef) => Promise<void>

/** Called inside the transaction that takes an address away from an account. */
export type ThreepidRemovedHook = (tx: Tx, threepid: ThreepidRef) => Promise<void>

/** What other features have asked to be told. */
export interface AccountHooks {
  readonly sessionEnd: SessionEndHook[]
  readonly deviceRename: DeviceRenameHook[]
  readonly deactivate: DeactivateHook[]
  readonly profileChange: ProfileChangeHook[]
  readonly deviceIdCheck: DeviceIdCheck[]
  readonly threepidRemoved: ThreepidRemovedHook[]
}

export function createHooks(): AccountHooks {
  return {
    sessionEnd: [],
    deviceRename: [],
    deactivate: [],
    profileChange: [],
    deviceIdCheck: [],
    threepidRemoved: [],
  }
}
