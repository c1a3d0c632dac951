import { createFederationSender, type FederationSender } from '../../../src/federation/sender/sender.ts'
import type { Json, JsonObject } from '../../../src/matrix/event.ts'
import { hasUserIdShape, serverOf } from '../../../src/matrix/ids.ts'
import { createTestClock, type TestClock } from '../../../src/util/clock.ts'
import type { Engine } from '../engines.ts'
import { createTestServer, type TestServer } from '../server.ts'
import { createFakeTransport, type FakeTransport } from './fake-transport.ts'

export interface SenderFixture extends AsyncDisposable {
  readonly server: TestServer
  readonly clock: TestClock
  readonly transport: FakeTransport
  sender: FederationSender
  /** Stops the sender and starts another one on the same database, as a restart does. */
  restart(): Promise<void>
  /** Lets somebody of another server be in a room without that server. */
  join(roomId: string, userId: string): Promise<void>
  leave(roomId: string, userId: string): Promise<void>
}

/** A server whose own sender is off, and a sender beside it with other servers that are functions. */
export async function createSenderFixture(
  options: { engine?: Engine; sendPresence?: boolean } = {},
): Promise<SenderFixture> {
  const clock = createTestClock()
  const server = await createTestServer({
    clock,
    ...(options.engine && { engine: options.engine }),
    config: { federation: { enabled: false } },
  })
  const transport = createFakeTransport()
  const { context } = server
  // Hooks can't be taken back: those of a sender that was stopped are passed over.
  let current = 0
  const start = async (): Promise<FederationSender> => {
    current += 1
    const mine = current
    const guarded = <A extends unknown[], R>(hook: (...args: A) => Promise<R>) =>
      (async (...args: A) => (mine === current ? await hook(...args) : undefined)) as (...args: A) => Promise<never>
    const sender = createFederationSender({
      ...context,
      enabled: true,
      transport,
      rooms: {
        ...context.rooms,
        onPersist: (hook) => context.rooms.onPersist(guarded(hook)),
        receipts: {
          ...context.rooms.receipts,
          onReceipt: (hook) => context.rooms.receipts.onReceipt(guarded(hook)),
        },
      },
      e2ee: {
        ...context.e2ee,
        addHook: (hook) =>
          context.e2ee.addHook({
            ...(hook.deviceChanged && { deviceChanged: guarded(hook.deviceChanged) }),
            ...(hook.crossSigningChanged && { crossSigningChanged: guarded(hook.crossSigningChanged) }),
            ...(hook.remoteToDevice && { remoteToDevice: guarded(hook.remoteToDevice) }),
          }),
      },
      presence: options.sendPresence ? context.presence.news : undefined,
    })
    await sender.part.start(new AbortController().signal)
    return sender
  }
  const setMembership = (roomId: string, userId: string, membership: string) =>
    context.db.write('test member', async (tx) => {
      const room = await context.rooms.reads.roomById(tx, roomId)
      if (room === undefined || !hasUserIdShape(userId)) throw new Error('no such room or user')
      const inRoom = { room_nid: room.nid, user_id: userId }
      const position = await context.streams.allocate(tx, 1)
      const row = { membership, stream_pos: position, event_nid: 0, sender: userId, is_local: 0, forgotten: 0 }
      await tx.qb
        .insertInto('memberships')
        .values({ ...inRoom, ...row, display_name: null, avatar_url: null, stripped_state: null })
        .onConflict((c) => c.columns(['room_nid', 'user_id']).doUpdateSet({ membership, stream_pos: position }))
        .execute()
      const place = { room_nid: room.nid, server: serverOf(userId) }
      const servers = tx.qb.insertInto('federation_room_servers')
      if (membership === 'join') {
        await servers
          .values([
            { ...place, denied: 0 },
            { ...place, server: context.serverName, denied: 1 },
          ])
          .onConflict((c) => c.doNothing())
          .execute()
      } else {
        await tx.qb
          .deleteFrom('federation_room_servers')
          .where('room_nid', '=', room.nid)
          .where('server', '=', place.server)
          .execute()
      }
    })
  const fixture: SenderFixture = {
    server,
    clock,
    transport,
    sender: await start(),
    restart: async () => {
      await fixture.sender.part.stop()
      fixture.sender = await start()
    },
    join: (roomId, userId) => setMembership(roomId, userId, 'join'),
    leave: (roomId, userId) => setMembership(roomId, userId, 'leave'),
    [Symbol.asyncDispose]: async () => {
      await fixture.sender.part.stop()
      await server.stop()
    },
  }
  return fixture
}

/** A server that takes every transaction and remembers it. */
export class Receiver {
  /** Bodies by id, in the order of their first arrival. */
  readonly transactions = new Map<string, JsonObject>()
  /** Bodies that came again with another content. */
  readonly changed: string[] = []
  attempts = 0
  /** Thrown at the next attempts, in this order; `late` ones are thrown after the transaction was taken. */
  readonly failures: { error: () => never; late?: boolean }[] = []

  readonly answer = ({ path, body }: { path: string; body?: JsonObject | undefined }): JsonObject => {
    this.attempts += 1
    const failure = this.failures.shift()
    if (failure !== undefined && !failure.late) failure.error()
    const id = path.slice(path.lastIndexOf('/') + 1)
    const before = this.transactions.get(id)
    if (before === undefined) this.transactions.set(id, body ?? {})
    else if (JSON.stringify(before) !== JSON.stringify(body)) this.changed.push(id)
    if (failure?.late) failure.error()
    return { pdus: {} }
  }

  get pdus(): JsonObject[] {
    return [...this.transactions.values()].flatMap((body) => body.pdus as JsonObject[])
  }

  get edus(): { edu_type: string; content: JsonObject }[] {
    const all = [...this.transactions.values()].flatMap((body) => body.edus as Json[])
    return all as unknown as { edu_type: string; content: JsonObject }[]
  }

  bodies(): unknown[] {
    return this.pdus.flatMap((pdu) => (pdu.type === 'm.room.message' ? [Object(pdu.content).body] : []))
  }
}
