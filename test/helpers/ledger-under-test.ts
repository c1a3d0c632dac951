/** The ledger of deliveries on a real database, without a server around it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Accounts } from '../../src/accounts/accounts.ts'
import type { Database } from '../../src/db/database.ts'
import type { Requester } from '../../src/http/endpoint.ts'
import { createJobs } from '../../src/jobs/jobs.ts'
import type { JsonObject, Pdu } from '../../src/matrix/event.ts'
import type { DeviceId, ServerName, UserId } from '../../src/matrix/ids.ts'
import { getRoomVersionRules } from '../../src/matrix/room-versions.ts'
import type { BlobStore } from '../../src/media/blob-store.ts'
import { createBlobs } from '../../src/media/blobs.ts'
import { policyType } from '../../src/media/delivery/choices.ts'
import { createDelivery, type Delivery } from '../../src/media/delivery/delivery.ts'
import type { DeliveryPolicy } from '../../src/media/delivery/policy.ts'
import { resettleJob, serverBackJob } from '../../src/media/delivery/resettle.ts'
import { noRooms, type SeenBatch } from '../../src/media/delivery/rooms-port.ts'
import { createDownloads } from '../../src/media/downloads.ts'
import { createSpool } from '../../src/media/spool.ts'
import { createUploadWaiters } from '../../src/media/upload-waiters.ts'
import { createTestClock } from '../../src/util/clock.ts'
import { silentLog } from '../../src/util/log.ts'
import { emptyStore } from './blob-store.ts'
import type { ModelChoice } from './ledger-model.ts'
import { temporaryFolder } from './program.ts'

export const here = 'here.example' as ServerName
export const users = [
  '@a:here.example',
  '@b:here.example',
  '@c:here.example',
  '@r:far.example',
  '@s:far.example',
  '@bot:here.example',
]
export const firstMembers = [
  ['@a:here.example', '@b:here.example', '@bot:here.example'],
  ['@b:here.example', '@c:here.example', '@r:far.example', '@s:far.example'],
]
export const nameOf = (user: string) =>
  user.startsWith('@bot') ? undefined : user.endsWith(':far.example') ? 'server:far.example' : user
export const roomCount = 2
const rules = getRoomVersionRules('11') ?? assert.fail()
export const admin = '@a:here.example'
const create = { type: 'm.room.create', sender: admin, content: {}, state_key: '' }
const createEvent = { pdu: create as unknown as Pdu }
export const hour = 3_600_000
export const day = 24 * hour

const cleanup: (() => void)[] = []
const later = { after: (fn: () => void) => void cleanup.push(fn) }
process.on('exit', () => {
  for (const fn of cleanup) fn()
})

let runs = 0

/** The real ledger on a real database, driven by hand; bytes are kept in memory. */
export class Ledger {
  readonly clock = createTestClock(1_700_000_000_000)
  readonly contents = new Map<string, string>()
  readonly rooms: Set<string>[] = Array.from({ length: roomCount }, () => new Set())
  readonly run = ++runs
  deletesFail = false
  awaySince: number | undefined
  readonly userChoices = new Map<string, JsonObject>()
  readonly #db: Database
  readonly #policy: DeliveryPolicy
  readonly #nids: number[] = []
  #parts: ReturnType<Ledger['start']>

  constructor(db: Database, policy: DeliveryPolicy) {
    this.#db = db
    this.#policy = policy
    this.#parts = this.start()
  }

  /** A new process on the same database and the same bytes. */
  start() {
    const [db, clock] = [this.#db, this.clock]
    const store: BlobStore = {
      ...emptyStore,
      put: async (key, { path }) => void this.contents.set(key, readFileSync(path, 'utf8')),
      delete: async (key) => {
        if (this.deletesFail) throw new Error('the store is away')
        this.contents.delete(key)
      },
    }
    const jobs = createJobs({ db, clock, log: silentLog })
    const blobs = createBlobs({ db, clock, log: silentLog, jobs, store })
    const accounts = {
      isLocalUser: (userId: string) => userId.endsWith(`:${here}`),
      appservices: { isEmpty: () => true },
      users: { get: async () => undefined },
      accountData: { get: async (_reader: unknown, userId: string) => this.userChoices.get(userId) },
    } as unknown as Pick<Accounts, 'isLocalUser' | 'appservices' | 'accountData' | 'users'>
    const options = { serverName: here, delivery: this.#policy, ownUsers: new Set(['@bot:here.example']) }
    const delivery = createDelivery({ db, clock, log: silentLog, jobs, accounts, blobs, options })
    const hook = delivery.followRooms({
      ...noRooms,
      roomById: async (_reader, roomId) => ({ nid: this.run * roomCount + Number(roomId.slice(1)) }),
      membership: async () => ({ membership: 'join' }),
      joined: async (_reader, roomNid) => [...(this.rooms[roomNid % roomCount] ?? [])],
      view: { entry: async (_reader, _state, type) => (type === 'm.room.create' ? createEvent : undefined) },
    })
    delivery.useOutages(async () => this.awaySince)
    const remote = { fetch: async () => false, use: () => {} }
    const waiters = createUploadWaiters(clock)
    const accesses = { usedMedia: () => {} }
    const downloads = createDownloads({ db, clock, serverName: here, waiters, remote, accesses })
    return { jobs, blobs, delivery, hook, downloads }
  }

  get delivery(): Delivery {
    return this.#parts.delivery
  }

  id(n: number): string {
    return `run${this.run}m${n}`
  }

  nid(n: number): number {
    return this.#nids[n] ?? assert.fail()
  }

  async upload(uploader: string, content: string): Promise<void> {
    const spool = createSpool(temporaryFolder(later))
    await using file = await spool.write([Buffer.from(`${this.run} ${content}`)])
    const media = { origin: here, media_id: this.id(this.#nids.length), uploader, state: 'live' as const }
    await this.#parts.blobs.keep(file, async (tx, blob) => {
      const values = { ...media, blob_nid: blob.nid, size: blob.size, is_pinned: 0, created_ts: this.clock.now() }
      const row = await tx.qb.insertInto('media').values(values).returning('media_nid').executeTakeFirstOrThrow()
      this.#nids.push(row.media_nid)
    })
  }

  async persist(room: number, batch: Partial<SeenBatch>): Promise<void> {
    const nid = this.run * roomCount + room
    const full = {
      room: { nid, stateNid: 1, rules },
      events: [],
      redacted: [],
      currentChanges: [],
      removed: [],
      ...batch,
    }
    await this.#db.write('persist', (tx) => this.#parts.hook(tx, full))
  }

  event(event: number, sender: string, content: JsonObject) {
    return { eventId: `$run${this.run}e${event}`, status: 0, pdu: { type: 'm.room.message', sender, content } }
  }

  async fetch(n: number, user: string, device: string, part: 'whole' | 'front' | 'back'): Promise<void> {
    const ref = { origin: here, mediaId: this.id(n) }
    const find = { timeoutMs: 0, allowRemote: false, signal: new AbortController().signal }
    const media = await this.#parts.downloads.find(ref, find).catch(() => undefined)
    if (!media) return
    const { size } = media.blob
    const range = { start: part === 'back' ? 2 : 0, end: part === 'front' ? 1 : size - 1 }
    const local = {
      userId: user as UserId,
      deviceId: device as DeviceId,
      sessionId: 1,
      isGuest: false,
      isAdmin: false,
    }
    const isLocal = user.endsWith(here)
    const requester = isLocal ? (local satisfies Requester) : { server: 'far.example' }
    if (!this.delivery.wantsFetches(media, requester)) return
    this.delivery.fetched(media, requester, range)
    await this.delivery.idle()
  }

  async inTx(
    fn: (delivery: Delivery, tx: Parameters<Parameters<Database['write']>[1]>[0]) => Promise<void>,
  ): Promise<void> {
    await this.#db.write('test', (tx) => fn(this.delivery, tx))
  }

  /** A message that only its sender can read; as a note it is declared at the upload. */
  async sendEncrypted(room: number, event: number, sender: string, uri: string, isNote: boolean): Promise<void> {
    const roomNid = this.run * roomCount + room
    const number = Number(uri.split('m').at(-1))
    await this.inTx(async (delivery, tx) => {
      if (isNote) await delivery.declare(tx, this.nid(number), sender, { roomId: `!${room}`, kind: 'note' })
      const message = { eventId: `$run${this.run}e${event}`, roomNid, sender, type: 'm.room.encrypted', content: {} }
      await delivery.attach(tx, { ...message, media: [uri] })
    })
  }

  async roomPolicy(room: number, sender: string, choice: ModelChoice | undefined): Promise<void> {
    const pdu = { type: policyType, state_key: '', sender, content: { ...choice } }
    await this.persist(room, { currentChanges: [{ eventId: '$p', status: 0, pdu }] })
  }

  async userPolicy(user: string, choice: ModelChoice | undefined): Promise<void> {
    this.userChoices.set(user, { ...choice })
    const change = { userId: user as UserId, type: policyType, roomId: undefined }
    await this.inTx((delivery, tx) => delivery.accountDataChanged(tx, change))
  }

  async holdUser(userId: string): Promise<void> {
    await this.inTx(async (delivery, tx) => void (await delivery.holdAll(tx, { kind: 'legal', userId })))
  }

  async liftUser(user: string): Promise<void> {
    await this.#db.write('lift', async (tx) => {
      const released = { released_ts: this.clock.now() }
      await tx.qb
        .updateTable('media_holds')
        .set(released)
        .where('user_id', '=', user)
        .where('released_ts', 'is', null)
        .execute()
      await this.#parts.jobs.enqueue(tx, resettleJob, { user })
    })
  }

  async serverBack(): Promise<void> {
    const outage = { server: 'far.example', from: this.awaySince ?? 0, to: this.clock.now() }
    await this.#db.write('back', (tx) => this.#parts.jobs.enqueue(tx, serverBackJob, outage))
    this.awaySince = undefined
  }

  async pin(n: number): Promise<void> {
    await this.delivery.profileChanged({ fields: { avatar_url: `mxc://${here}/${this.id(n)}` } })
  }

  drain = () => this.#parts.jobs.drain()

  async sweep(): Promise<void> {
    const signal = new AbortController().signal
    await this.delivery.sweep(signal)
    await this.drain()
    await this.#parts.blobs.sweep(signal, this.clock.now() + 1)
  }

  /** Dies in the middle of a sweep, after the rows and before the bytes. */
  async crash(): Promise<void> {
    this.deletesFail = true
    await this.delivery.sweep(new AbortController().signal)
    await this.drain()
    this.deletesFail = false
    this.#parts = this.start()
  }

  async living(): Promise<boolean[]> {
    const rows = await this.#db.read((reader) =>
      reader.qb
        .selectFrom('media')
        .select(['media_nid', 'state'])
        .where('media_nid', 'in', [0, ...this.#nids])
        .execute(),
    )
    const state = new Map(rows.map(({ media_nid: nid, state }) => [nid, state]))
    return this.#nids.map((nid) => state.get(nid) === 'live')
  }
}
