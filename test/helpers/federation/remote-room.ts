/** Rooms of servers that exist by their keys only, and a real server that takes part in them by its ingest. */
import assert from 'node:assert/strict'
import type { IdentifiedPdu } from '../../../src/matrix/event.ts'
import type { EventId, ServerName, UserId } from '../../../src/matrix/ids.ts'
import { parseStateMapKey, stateMapKey } from '../../../src/matrix/state-res.ts'
import type { Ingest } from '../../../src/rooms/ingest/ports.ts'
import type { TestServer } from '../server.ts'
import { newSigningKey } from './key-server.ts'
import { BuiltRoom, buildRoom, type RoomOptions, type Signer } from './room-builder.ts'

/** Another server; whoever is to believe it has to `trust` it. */
export function newSigner(name: string): Signer {
  return { server: name as ServerName, key: newSigningKey() }
}

/** Has the server know keys of others without asking them. */
export async function trust(server: TestServer, ...signers: readonly Signer[]): Promise<void> {
  await server.context.db.write('trust', async (tx) => {
    for (const { server: name, key } of signers) {
      const row = {
        server_name: name,
        key_id: key.keyId,
        public_key: key.publicKey,
        valid_until_ts: 8_000_000_000_000_000,
      }
      await tx.qb.insertInto('server_keys').values(row).execute()
    }
  })
}

export function ingestOf(server: TestServer): Ingest {
  const { ingest } = server.context.rooms
  assert.ok(ingest, 'the server takes no part in federation')
  return ingest
}

export const signerOf = ({ context }: TestServer): Signer => ({
  server: context.serverName,
  key: context.signingKeys[0],
})

/** The same room for users of another server. */
export function asSeenBy(room: BuiltRoom, signer: Signer): BuiltRoom {
  return new BuiltRoom(signer, room.rules, room.roomId, room.graph)
}

/** A room of another server, which a user of `server` has joined. */
export async function joinedRoom(server: TestServer, signer: Signer, userId: UserId, options: RoomOptions = {}) {
  const room = buildRoom(signer, `@creator:${signer.server}` as UserId, options)
  const join = await enterRoom(server, room, userId)
  return { room, join }
}

/** Joins a user of `server` to the room and hands it the state. */
export async function enterRoom(server: TestServer, room: BuiltRoom, userId: UserId): Promise<IdentifiedPdu> {
  const state = [...room.graph.current().values()]
  const authChain = room.graph.authChain(state)
  const join = asSeenBy(room, signerOf(server)).member(userId, 'join')
  await ingestOf(server).enter({
    resident: 'resident.test' as ServerName,
    roomId: room.roomId,
    rules: room.rules,
    event: join,
    state: state.map((id) => room.graph.require(id).pdu as never),
    authChain: authChain.map(({ pdu }) => pdu as never),
  })
  return join
}

/** Has the server receive events as from a transaction, and work them through. */
export async function deliver(server: TestServer, origin: ServerName, ...events: readonly IdentifiedPdu[]) {
  const ingest = ingestOf(server)
  const receipts = await ingest.receive(
    origin,
    events.map(({ pdu }) => structuredClone(pdu) as never),
  )
  await ingest.drain()
  return receipts
}

/** The ids of the current state as the server has it: in its state, its table, and its memberships. */
export function currentState(server: TestServer, roomId: string): Promise<Map<string, EventId>> {
  const { db, rooms } = server.context
  return db.read(async (reader) => {
    const room = await rooms.reads.roomById(reader, roomId)
    assert.ok(room)
    const state = new Map<string, EventId>()
    for (const { eventId, pdu } of await rooms.reads.view.all(reader, room.stateNid)) {
      state.set(stateMapKey(pdu.type, pdu.state_key ?? ''), eventId)
    }
    const rows = await reader.qb
      .selectFrom('current_state as s')
      .innerJoin('events as e', 'e.event_nid', 's.event_nid')
      .select(['s.type', 's.state_key', 'e.event_id'])
      .where('s.room_nid', '=', room.nid)
      .execute()
    const table = new Map(rows.map((row) => [stateMapKey(row.type, row.state_key), row.event_id]))
    assert.deepEqual(new Map([...table].sort()), new Map([...state].sort()), 'the table is not the state')
    for (const [key, eventId] of state) {
      const [type, userId] = parseStateMapKey(key)
      if (type !== 'm.room.member') continue
      const member = await rooms.reads.membership(reader, room.nid, userId)
      const event = await rooms.reads.eventById(reader, eventId)
      assert.equal(member?.membership, event?.pdu.content.membership, `membership of ${userId}`)
      assert.equal(member?.event_nid, event?.nid, `member event of ${userId}`)
    }
    return state
  })
}

export const sorted = <K, V>(map: ReadonlyMap<K, V>) => [...map].sort()

export async function statusOf(server: TestServer, eventId: string): Promise<number | undefined> {
  const { db, rooms } = server.context
  return (await db.read((reader) => rooms.reads.eventById(reader, eventId)))?.status
}
