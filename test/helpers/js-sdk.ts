/** matrix-js-sdk with its Rust crypto, as Element Web uses it. Its key store wants IndexedDB before anything is loaded. */
import 'fake-indexeddb/auto'
import { once } from 'node:events'
import {
  ClientEvent,
  createClient,
  type ICreateClientOpts,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  MemoryStore,
  type Room,
  RoomEvent,
  RoomStateEvent,
  SyncState,
} from 'matrix-js-sdk'
import { CryptoEvent } from 'matrix-js-sdk/lib/crypto-api/index.js'
import { logger } from 'matrix-js-sdk/lib/logger.js'
import type { TestUser } from './server.ts'

// It is a loglevel logger, which its type does not tell.
;(logger as unknown as { setLevel(level: string): void }).setLevel('silent')

export interface SecretKey {
  keyId: string
  key: Uint8Array<ArrayBuffer>
}

let stores = 0

/** A client with a key store of its own, not started. `secret` holds the key of the secret storage once there is one. */
export async function createSdkClient(user: TestUser, secret: { current?: SecretKey } = {}): Promise<MatrixClient> {
  const callbacks: ICreateClientOpts['cryptoCallbacks'] = {
    getSecretStorageKey: async ({ keys }) => {
      const known = secret.current
      return known && known.keyId in keys ? [known.keyId, known.key] : null
    },
    cacheSecretStorageKey: (keyId, _info, key) => {
      secret.current = { keyId, key }
    },
  }
  const client = createClient({
    baseUrl: user.baseUrl,
    userId: user.userId,
    deviceId: user.deviceId,
    accessToken: user.accessToken,
    cryptoCallbacks: callbacks,
    store: new MemoryStore(),
    logger,
  })
  stores++
  await client.initRustCrypto({ cryptoDatabasePrefix: `store-${stores}` })
  return client
}

/** Starts syncing and resolves once the first sync has been taken in. */
export async function startSync(client: MatrixClient): Promise<void> {
  const prepared = new Promise<void>((resolve, reject) => {
    const listen = (state: SyncState, _previous: SyncState | null, data?: { error?: Error }) => {
      if (state !== SyncState.Prepared && state !== SyncState.Error) return
      client.off(ClientEvent.Sync, listen)
      if (state === SyncState.Prepared) resolve()
      else reject(data?.error ?? new Error('the sync failed'))
    }
    client.on(ClientEvent.Sync, listen)
  })
  await client.startClient({ initialSyncLimit: 30, pollTimeout: 10_000 })
  await prepared
}

/** Resolves with the result of `find` as soon as it is defined; `find` runs now and after each thing that the client hears. */
export async function until<T>(
  client: MatrixClient,
  what: string,
  find: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const heard = new EventTarget()
  const tell = () => void heard.dispatchEvent(new Event('heard'))
  const events = [
    ClientEvent.Sync,
    RoomEvent.Timeline,
    RoomEvent.MyMembership,
    RoomStateEvent.Events,
    MatrixEventEvent.Decrypted,
    CryptoEvent.DevicesUpdated,
    CryptoEvent.UserTrustStatusChanged,
    CryptoEvent.KeysChanged,
    CryptoEvent.KeyBackupSessionsRemaining,
  ] as const
  for (const event of events) client.on(event, tell)
  const signal = AbortSignal.timeout(30_000)
  try {
    for (;;) {
      const next = once(heard, 'heard', { signal })
      next.catch(() => {})
      const found = await find()
      if (found !== undefined) return found
      await next
    }
  } catch (error) {
    throw new Error(`waited in vain: ${what}`, { cause: error })
  } finally {
    for (const event of events) client.off(event, tell)
  }
}

/** The message with this text in a room, once it has arrived and been decrypted. */
export function untilMessage(client: MatrixClient, roomId: string, body: string): Promise<MatrixEvent> {
  return until(client, `the message "${body}"`, () => findMessage(client.getRoom(roomId), body))
}

export function findMessage(room: Room | null, body: string): MatrixEvent | undefined {
  return room
    ?.getLiveTimeline()
    .getEvents()
    .find((event) => event.getType() === 'm.room.message' && event.getContent().body === body)
}
