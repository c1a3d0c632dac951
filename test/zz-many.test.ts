import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import type { Accounts } from '../src/accounts/accounts.ts'
import type { Database } from '../src/db/database.ts'
import type { Requester } from '../src/http/endpoint.ts'
import { createJobs } from '../src/jobs/jobs.ts'
import type { JsonObject, Pdu } from '../src/matrix/event.ts'
import type { DeviceId, ServerName, UserId } from '../src/matrix/ids.ts'
import { getRoomVersionRules } from '../src/matrix/room-versions.ts'
import type { BlobStore } from '../src/media/blob-store.ts'
import { createBlobs } from '../src/media/blobs.ts'
import { policyType } from '../src/media/delivery/choices.ts'
import { createDelivery, type Delivery } from '../src/media/delivery/delivery.ts'
import type { DeliveryPolicy } from '../src/media/delivery/policy.ts'
import { resettleJob, serverBackJob } from '../src/media/delivery/resettle.ts'
import { noRooms, type SeenBatch } from '../src/media/delivery/rooms-port.ts'
import { createDownloads } from '../src/media/downloads.ts'
import { createSpool } from '../src/media/spool.ts'
import { createUploadWaiters } from '../src/media/upload-waiters.ts'
import { createTestClock } from '../src/util/clock.ts'
import { silentLog } from '../src/util/log.ts'
import { emptyStore } from './helpers/blob-store.ts'
import { testOnDatabases } from './helpers/engines.ts'
import { farServer, LedgerModel, type ModelChoice } from './helpers/ledger-model.ts'
import { temporaryFolder } from './helpers/program.ts'

const here = 'here.example' as ServerName
const users = [
  '@a:here.example',
  '@b:here.example',
  '@c:here.example',
  '@r:far.example',
  '@s:far.example',
  '@bot:here.example',
]
const firstMembers = [
  ['@a:here.example', '@b:here.example', '@bot:here.example'],
  ['@b:here.example', '@c:here.example', '@r:far.example', '@s:far.example'],
]
const nameOf = (user: string) =>
  user.startsWith('@bot') ? undefined : user.endsWith(':far.example') ? 'server:far.example' : user
const roomCount = 2
const rules = getRoomVersionRules('11') ?? assert.fail()
const admin = '@a:here.example'
const create = { type: 'm.room.create', sender: admin, content: {}, state_key: '' }
const createEvent = { pdu: create as unknown as Pdu }
const hour = 3_600_000
const day = 24 * hour

const cleanup: (() => void)[] = []
const later = { after: (fn: () => void) => void cleanup.push(fn) }
process.on('exit', () => {
  for (const fn of cleanup) fn()
})

let runs = 0

/** The real ledger on a real database, driven by hand; bytes are kept in memory. */
class Ledger {
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
    const downloads = createDownloads({ db, clock, serverName: here, waiters, remote })
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

const index = fc.nat(7)
const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary })
const choice: fc.Arbitrary<ModelChoice | undefined> = fc.option(
  fc.record(
    {
      kind: fc.constantFrom('keep' as const, 'after_delivery' as const),
      grace: fc.constantFrom(0, 3 * day),
      max_lifetime: fc.constantFrom(10 * day, 50 * day),
    },
    { requiredKeys: ['kind'] },
  ),
  { nil: undefined, freq: 4 },
)
const step = fc.oneof(
  weighted(2, fc.record({ do: fc.constant('upload' as const), user: index, content: fc.nat(2) })),
  weighted(
    5,
    fc.record({
      do: fc.constant('send' as const),
      user: index,
      room: index,
      media: index,
      thumbnail: fc.option(index, { nil: undefined, freq: 2 }),
      isNote: fc.boolean(),
      isDeclared: fc.constantFrom(false, false, true),
      byUploader: fc.constantFrom(true, true, false),
    }),
  ),
  weighted(
    3,
    fc.record({
      do: fc.constant('fetch' as const),
      user: index,
      media: index,
      device: fc.nat(1),
      part: fc.constantFrom('whole' as const, 'front' as const, 'back' as const, 'halves' as const),
    }),
  ),
  weighted(
    4,
    fc.record({ do: fc.constant('fetch by all' as const), media: index, but: fc.constantFrom(0, 1, 2, 9, 9, 9, 9) }),
  ),
  weighted(2, fc.record({ do: fc.constant('redact' as const), event: index })),
  weighted(1, fc.record({ do: fc.constant('edit' as const), event: index, user: index, media: index })),
  weighted(2, fc.record({ do: fc.constantFrom('leave' as const, 'join' as const), user: index, room: index })),
  weighted(1, fc.record({ do: fc.constant('pin' as const), media: index })),
  weighted(
    1,
    fc.record({
      do: fc.constantFrom('hold' as const, 'lift' as const),
      media: index,
      ms: fc.constantFrom(hour, 10 * day, undefined),
    }),
  ),
  weighted(1, fc.record({ do: fc.constantFrom('hold user' as const, 'lift user' as const), user: index })),
  weighted(1, fc.record({ do: fc.constantFrom('server away' as const, 'server back' as const) })),
  weighted(
    1,
    fc.record({
      do: fc.constantFrom('room policy' as const, 'user policy' as const),
      room: index,
      user: index,
      choice,
    }),
  ),
  weighted(
    4,
    fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, hour, day - 1, day, 7 * day - 1, 30 * day) }),
  ),
  weighted(3, fc.record({ do: fc.constantFrom('sweep' as const, 'crash' as const) })),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const policies: fc.Arbitrary<DeliveryPolicy & { grace: number; maxLifetime: number }> = fc.record({
  scope: fc.constantFrom('notes' as const, 'all' as const, 'all' as const, 'none' as const),
  grace: fc.constantFrom(0, day, 7 * day),
  serverGrace: fc.constantFrom(undefined, 9 * day),
  maxLifetime: fc.constant(30 * day),
  redactedGrace: fc.constantFrom(0, day),
})

function setChoice<K>(choices: Map<K, ModelChoice>, key: K, choice: ModelChoice | undefined): void {
  if (choice) choices.set(key, choice)
  else choices.delete(key)
}

/** Runs one history through the ledger and the model, and compares them after each step. */
async function follow(
  db: Database,
  policy: DeliveryPolicy & { grace: number; maxLifetime: number },
  steps: readonly Step[],
): Promise<void> {
  // What people chose in the history before is none of this one's.
  await db.write('forget', async (tx) => {
    for (const table of ['media_holds', 'media_policies'] as const) await tx.qb.deleteFrom(table).execute()
  })
  const ledger = new Ledger(db, policy)
  const model = new LedgerModel(
    policy,
    Array.from({ length: roomCount }, () => new Set<string>()),
    nameOf,
  )
  const events: { room: number; sender: string; uri: string }[] = []
  const parts = new Map<string, Set<string>>()
  const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] ?? assert.fail()
  for (const room of [0, 1]) {
    for (const user of firstMembers[room] ?? []) {
      ledger.rooms[room]?.add(user)
      model.rooms[room]?.add(user)
    }
  }

  async function send(event: {
    isDeclared?: boolean
    user: string
    room: number
    main: number
    thumbnail?: number
    isNote?: boolean
    replaces?: number
  }) {
    const { user, room, main, thumbnail, isNote = false, isDeclared = false, replaces } = event
    const uri = (n: number) => `mxc://${here}/${ledger.id(n)}`
    const content: JsonObject = {
      url: uri(main),
      ...(thumbnail !== undefined && { info: { thumbnail_url: uri(thumbnail) } }),
      ...(isNote && { 'io.ringback.note': {} }),
      ...(replaces !== undefined && {
        'm.relates_to': { rel_type: 'm.replace', event_id: `$run${ledger.run}e${replaces}` },
      }),
    }
    const number = events.length
    events.push({ room, sender: user, uri: uri(main) })
    if (isDeclared) await ledger.sendEncrypted(room, number, user, uri(main), isNote)
    else await ledger.persist(room, { events: [ledger.event(number, user, content)] })
    model.send({ event: number, room, sender: user, isNote, main, thumbnail, isDeclared })
    if (replaces !== undefined && events[replaces]?.room === room) model.close(replaces, user)
  }

  async function fetch(n: number, user: string, device: string, part: 'whole' | 'front' | 'back'): Promise<void> {
    const media = model.at(n)
    await ledger.fetch(n, user, device, part)
    const isFar = !user.endsWith(here)
    const key = isFar ? `${n} far` : `${n} ${user} ${device}`
    const had = parts.get(key) ?? new Set<string>()
    if (!media.isDeleted && (model.isFollowed(media) || isFar)) parts.set(key, had.add(part))
    if (had.has('whole') || (had.has('front') && had.has('back'))) model.fetch(n, isFar ? farServer : user)
  }

  async function take(current: Step): Promise<void> {
    if (current.do === 'upload') {
      const user = pick(users.slice(0, 3), current.user)
      await ledger.upload(user, `content ${current.content}`)
      model.upload(user, `content ${current.content}`)
    } else if (current.do === 'wait') {
      ledger.clock.advance(current.ms)
      model.wait(current.ms)
    } else if (current.do === 'sweep') await ledger.sweep()
    else if (current.do === 'crash') await ledger.crash()
    else if (current.do === 'server away') {
      ledger.awaySince ??= ledger.clock.now()
      model.awaySince ??= model.now
    } else if (current.do === 'server back' && ledger.awaySince !== undefined) {
      await ledger.serverBack()
      model.serverBack()
    } else if (current.do === 'hold user' || current.do === 'lift user') {
      const user = pick(users.slice(0, 3), current.user)
      const isHeld = current.do === 'hold user'
      if (isHeld !== model.heldUsers.has(user)) await (isHeld ? ledger.holdUser(user) : ledger.liftUser(user))
      if (isHeld) model.heldUsers.add(user)
      else model.heldUsers.delete(user)
    } else if (current.do === 'room policy') {
      const room = current.room % roomCount
      const sender = pick(users, current.user)
      await ledger.roomPolicy(room, sender, current.choice)
      if (sender === admin) setChoice(model.roomChoices, room, current.choice)
    } else if (current.do === 'user policy') {
      const user = pick(users.slice(0, 3), current.user)
      await ledger.userPolicy(user, current.choice)
      setChoice(model.userChoices, user, current.choice)
    } else if (current.do === 'redact' && events.length > 0) {
      const number = current.event % events.length
      const { room, sender } = pick(events, number)
      await ledger.persist(room, { redacted: [ledger.event(number, sender, {})] })
      model.close(number)
    } else if (current.do === 'leave' || current.do === 'join') {
      const [user, room] = [pick(users, current.user), current.room % roomCount]
      if (current.do === 'leave') ledger.rooms[room]?.delete(user)
      else ledger.rooms[room]?.add(user)
      const content = { membership: current.do }
      const change = {
        eventId: '$m',
        status: 0,
        pdu: { type: 'm.room.member', sender: user, state_key: user, content },
      }
      await ledger.persist(room, { currentChanges: [change] })
      if (current.do === 'leave') model.leave(user, room)
      else model.rooms[room]?.add(user)
    }
    if (!('media' in current) || model.media.length === 0) return
    const n = current.media % model.media.length
    const media = model.at(n)
    if (current.do === 'send') {
      const user = current.byUploader ? media.uploader : pick(users, current.user)
      const isDeclared = current.isDeclared && user === media.uploader && !media.isDeleted
      const thumbnail = current.thumbnail === undefined ? undefined : current.thumbnail % model.media.length
      await send({
        user,
        room: current.room % roomCount,
        main: n,
        isNote: current.isNote,
        isDeclared,
        ...(thumbnail !== undefined && !isDeclared && { thumbnail }),
      })
    } else if (current.do === 'edit' && events.length > 0) {
      const replaces = current.event % events.length
      await send({ user: pick(users, current.user), room: pick(events, replaces).room, main: n, replaces })
    } else if (current.do === 'fetch') {
      const user = pick(users, current.user)
      for (const part of current.part === 'halves' ? (['back', 'front'] as const) : [current.part]) {
        await fetch(n, user, `D${current.device}`, part)
      }
    } else if (current.do === 'fetch by all') {
      for (const [i, user] of users.entries()) if (i !== current.but) await fetch(n, user, 'D0', 'whole')
    } else if (current.do === 'pin') {
      await ledger.pin(n)
      if (!media.isDeleted) media.isPinned = true
    } else if (current.do === 'hold') {
      const expires = current.ms === undefined ? {} : { expiresTs: ledger.clock.now() + current.ms }
      await ledger.inTx((delivery, tx) => delivery.hold(tx, ledger.nid(n), { kind: 'legal', ...expires }))
      media.holds.push({
        kind: 'legal',
        until: current.ms === undefined ? Number.POSITIVE_INFINITY : model.now + current.ms,
      })
    } else if (current.do === 'lift') {
      await ledger.inTx((delivery, tx) => delivery.release(tx, ledger.nid(n), 'legal'))
      media.holds = []
    }
  }

  async function compare(current: Step): Promise<void> {
    const shown = `${JSON.stringify(current)} of ${JSON.stringify({ policy, steps })}`
    const living = await ledger.living()
    const gone = model.media.flatMap(({ isDeleted }, n) => (living[n] || isDeleted ? [] : [n]))
    const due = new Set(gone.filter((n) => model.isDue(model.at(n))))
    for (const n of gone) {
      assert.ok(due.has(n) || model.isThumbnailOf(model.at(n), due), `media ${n} went too soon, at ${shown}`)
    }
    if (current.do === 'sweep' || current.do === 'crash') {
      for (const [n, media] of model.media.entries())
        assert.ok(!model.isDue(media) || gone.includes(n), `media ${n} should have gone, at ${shown}`)
      for (const [n, media] of model.media.entries()) {
        if (model.isThumbnailOf(media, due)) assert.ok(gone.includes(n), `thumbnail ${n} should have gone, at ${shown}`)
      }
    }
    for (const n of gone) model.at(n).isDeleted = true
    if (current.do !== 'sweep') return
    const kept = new Set(
      model.media.flatMap(({ isDeleted, content }) => (isDeleted ? [] : [`${ledger.run} ${content}`])),
    )
    assert.deepEqual([...ledger.contents.values()].sort(), [...kept].sort(), `bytes at ${shown}`)
  }

  for (const current of [...steps, { do: 'sweep' as const }]) {
    await take(current)
    await ledger.drain()
    await compare(current)
  }
}

testOnDatabases('the ledger deletes what it must and keeps what somebody needs, as a plain model does', async (db) => {
  await fc.assert(
    fc.asyncProperty(policies, fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (policy, steps) =>
      follow(db, policy, steps),
    ),
    { numRuns: db.engine === 'sqlite' ? 500 : 20 },
  )
})
