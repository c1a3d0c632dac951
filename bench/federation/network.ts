import type { IdentifiedPdu, JsonObject } from '../../src/matrix/event.ts'
import { hashAndSign } from '../../src/matrix/event-hash.ts'
import type { RoomId, ServerName, UserId } from '../../src/matrix/ids.ts'
import { createPeer, type Peer } from '../../test/helpers/federation/peer.ts'
import type { BuiltRoom, EventOptions } from '../../test/helpers/federation/room-builder.ts'
import { localAuthority } from '../../test/helpers/federation/test-authority.ts'
import { call } from '../http/call.ts'
import type { Account } from '../matrix/accounts.ts'
import { type Session, withServer } from '../matrix/session.ts'
import type { Bench } from '../scenario.ts'

/** Other homeservers, in the process of the load generator, so that their work is not part of what is measured. */
export interface Network {
  /** Has the rooms. */
  resident: Peer
  others: readonly Peer[]
  /** The server under test. */
  target: ServerName
}

/** Starts the server that is measured, with `count` other servers beside the one that has the rooms. */
export async function withNetwork<T>(
  bench: Bench,
  count: number,
  work: (session: Session, network: Network) => Promise<T>,
): Promise<T> {
  const { launcher } = bench
  const { caFile, local } = localAuthority()
  const federation = { caFile, certFile: local.certFile, keyFile: local.keyFile }
  const federated = { ...launcher, start: (folder: string) => launcher.start(folder, federation) }
  await using peers = new AsyncDisposableStack()
  const open = async () => {
    const peer = peers.use(await createPeer())
    peer.isStrict = false
    return peer
  }
  const resident = await open()
  const others: Peer[] = []
  for (let i = 0; i < count; i++) others.push(await open())
  return await withServer({ ...bench, launcher: federated }, (session) => {
    const { serverName } = session.server
    if (serverName === undefined) throw new Error('this needs a server that can be started with a name on this machine')
    return work(session, { resident, others, target: serverName as ServerName })
  })
}

/** Adds an event that somebody of another server has signed; what is sure to be allowed is not checked. */
export function appendAs(
  peer: Peer,
  room: BuiltRoom,
  sender: UserId,
  type: string,
  content: JsonObject,
  options: EventOptions = {},
): IdentifiedPdu {
  const event = hashAndSign(room.draft(sender, type, content, options), room.rules, peer.serverName, peer.signer.key)
  room.graph.add(event)
  return event
}

/** A public room with a member of each of the servers. */
export function createSharedRoom(resident: Peer, members: readonly Peer[]): BuiltRoom {
  const room = resident.createRoom(resident.user('creator'))
  for (const peer of members) joinAs(peer, room, peer.user('member'))
  return room
}

export function joinAs(peer: Peer, room: BuiltRoom, userId: UserId): void {
  const content = { membership: 'join', displayname: `Member ${userId}` }
  appendAs(peer, room, userId, 'm.room.member', content, { stateKey: userId })
}

/** Joins a room of another server; resolves when the client has its answer. */
export async function joinElsewhere(session: Session, account: Account, resident: Peer, roomId: RoomId): Promise<void> {
  const path = `/_matrix/client/v3/join/${encodeURIComponent(roomId)}`
  const query = `server_name=${resident.serverName}&via=${resident.serverName}`
  await call(session.pool, 'POST', `${path}?${query}`, account.token, {})
}

/** The most events that a transaction may have. */
const PAGE = 50

/** Sends events in transactions, each once the one before is answered; throws where one is not taken. */
export async function deliver(peer: Peer, target: ServerName, events: readonly IdentifiedPdu[]): Promise<void> {
  for (let from = 0; from < events.length; from += PAGE) {
    const pdus = events.slice(from, from + PAGE).map(({ pdu }) => pdu)
    const answer = await peer.send(target, pdus)
    const faults = Object.values(answer).filter((error) => error !== undefined)
    if (faults.length > 0) throw new Error(`an event was not taken: ${faults[0]}`)
  }
}
