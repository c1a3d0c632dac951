import type { Reader, Tx } from '../db/database.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { ServerName, UserId } from '../matrix/ids.ts'
import type { Nested } from './nested.ts'

/** What the accounts know about the devices of our users. */
export interface DeviceDirectory {
  /** Display names by user and device. Users that do not exist here are absent; those without devices have an empty map. */
  listDeviceNames(reader: Reader, userIds: readonly string[]): Promise<Nested<string | undefined>>
}

/** The keys of users, as `/keys/query` answers. */
export interface QueriedKeys {
  readonly device_keys: { [userId: string]: { [deviceId: string]: JsonObject } }
  readonly master_keys: { [userId: string]: JsonObject }
  readonly self_signing_keys: { [userId: string]: JsonObject }
  readonly user_signing_keys: { [userId: string]: JsonObject }
}

export type RemoteAnswer = Omit<QueriedKeys, 'user_signing_keys'>

/** How keys of users on other servers are had. Rejects where a server does not answer in time. */
export interface RemoteKeys {
  /** Devices by user; an empty list stands for all devices. With `failure` the answer is what is known all the same. */
  query(
    server: ServerName,
    devices: ReadonlyMap<string, readonly string[]>,
    timeoutMs: number,
  ): Promise<RemoteAnswer & { readonly failure?: unknown }>
  /** Algorithms by user and device. */
  claim(
    server: ServerName,
    wanted: Nested<string>,
    timeoutMs: number,
  ): Promise<{ [userId: string]: { [deviceId: string]: JsonObject } }>
}

/** A message from one of our users for devices on other servers. */
export interface RemoteToDevice {
  readonly sender: UserId
  readonly type: string
  /** Contents by user and device; the device may be `*`. */
  readonly messages: Nested<JsonObject>
}

/** What other features want to know, inside the transaction that does it. */
export interface E2eeHook {
  /** Messages for devices elsewhere have to be queued for their servers. */
  remoteToDevice?(tx: Tx, message: RemoteToDevice): Promise<void>
  /** A message has been put into the inbox of one of our users' devices, at this stream position. */
  toDevice?(tx: Tx, message: { userId: string; deviceId: string; position: number }): Promise<void>
  /** Somebody was given a one-time or fallback key of one of our users' devices. */
  keysClaimed?(tx: Tx, device: { userId: string; deviceId: string }): Promise<void>
  /** A device of one of our users changed (its keys or its name) or is gone, at this stream position. */
  deviceChanged?(
    tx: Tx,
    change: { userId: string; deviceId: string; deleted: boolean; position: number },
  ): Promise<void>
  /** The cross-signing keys of one of our users changed, or their signatures. */
  crossSigningChanged?(tx: Tx, change: { userId: string; position: number }): Promise<void>
}
