/** matrix-js-sdk with its Rust crypto, as Element Web uses it. Its key store wants IndexedDB before anything is loaded. */
import 'fake-indexeddb/auto'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  ClientEvent,
  createClient,
  type ICreateClientOpts,
  type IStartClientOpts,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  MemoryStore,
  Preset,
  type Room,
  RoomEvent,
  RoomStateEvent,
  SyncState,
  Visibility,
} from 'matrix-js-sdk'
import { CryptoEvent } from 'matrix-js-sdk/lib/crypto-api/index.js'
import { type Logger, logger } from 'matrix-js-sdk/lib/logger.js'
import { password, type TestUser } from './server.ts'

// The client leaves a timer behind for each request; none of them may keep the process alive.
const startTimer = globalThis.setTimeout
globalThis.setTimeout = Object.assign(
  (...args: Parameters<typeof startTimer>) => startTimer(...args).unref(),
  startTimer,
) as typeof startTimer

const quiet: Logger = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  getChild: () => quiet,
}

Object.assign(logger, quiet, { log: quiet.debug })

export interface SecretKey {
  keyId: string
  key: Uint8Array<ArrayBuffer>
}

/**
 * A client that is not started. Its keys are stored under the device, so that another client of the same device goes on with
 * them. `secret` holds the key of the secret storage once there is one.
 */
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
    logger: quiet,
  })
  await client.initRustCrypto({ cryptoDatabasePrefix: `${user.userId} ${user.deviceId}` })
  return client
}

/** Starts syncing and resolves once the first sync has been taken in. */
export async function startSync(client: MatrixClient, options: IStartClientOpts = {}): Promise<void> {
  const prepared = new Promise<void>((resolve, reject) => {
    const listen = (state: SyncState, _previous: SyncState | null, data?: { error?: Error }) => {
      if (state !== SyncState.Prepared && state !== SyncState.Error) return
      client.off(ClientEvent.Sync, listen)
      if (state === SyncState.Prepared) resolve()
      else reject(data?.error ?? new Error('the sync failed'))
    }
    client.on(ClientEvent.Sync, listen)
  })
  await client.startClient({ initialSyncLimit: 30, pollTimeout: 10_000, ...options })
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

export interface Person {
  readonly user: TestUser
  readonly client: MatrixClient
}

export function cryptoOf(client: MatrixClient) {
  const crypto = client.getCrypto()
  if (!crypto) throw new Error('the client has no crypto')
  return crypto
}

/** The first device makes the cross-signing keys, the secret storage and the key backup. */
export async function setUpIdentity({ user, client }: Person): Promise<void> {
  const crypto = cryptoOf(client)
  await crypto.bootstrapCrossSigning({
    authUploadDeviceSigningKeys: async (request) => {
      const identifier = { type: 'm.id.user', user: user.userId }
      await request({ type: 'm.login.password', identifier, password })
    },
  })
  await crypto.bootstrapSecretStorage({
    createSecretStorageKey: () => crypto.createRecoveryKeyFromPassphrase(),
    setupNewSecretStorage: true,
    setupNewKeyBackup: true,
  })
  assert.ok(await crypto.isCrossSigningReady())
  assert.ok(await crypto.isSecretStorageReady())
}

/** A further device takes the cross-signing keys from the secret storage and signs itself. */
export async function importIdentity({ user, client }: Person): Promise<void> {
  const crypto = cryptoOf(client)
  assert.ok(await crypto.userHasCrossSigningKeys(user.userId, true))
  await crypto.bootstrapCrossSigning({})
}

/** Makes an encrypted direct chat between two people who are syncing; returns its room id. */
export async function createChat(one: Person, other: Person): Promise<string> {
  const { room_id: roomId } = await one.client.createRoom({
    preset: Preset.TrustedPrivateChat,
    visibility: Visibility.Private,
    invite: [other.user.userId],
    is_direct: true,
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  await until(other.client, 'the invitation', () => other.client.getRoom(roomId) ?? undefined)
  await other.client.joinRoom(roomId)
  await until(one.client, 'the join', () =>
    one.client.getRoom(roomId)?.getMember(other.user.userId)?.membership === 'join' ? true : undefined,
  )
  return roomId
}
