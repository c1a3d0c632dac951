import type { IdentifiedPdu } from '../../src/matrix/event.ts'
import type { Peer } from '../../test/helpers/federation/peer.ts'
import type { BuiltRoom } from '../../test/helpers/federation/room-builder.ts'
import { untilVisible } from '../federation/arrival.ts'
import { appendAs, createSharedRoom, deliver, joinElsewhere, type Network, withNetwork } from '../federation/network.ts'
import { watchServer } from '../federation/watch.ts'
import type { Account } from '../matrix/accounts.ts'
import { collectEventIds } from '../matrix/rooms.ts'
import type { Session } from '../matrix/session.ts'
import { type Bench, type Metric, metricsOf, type Scenario } from '../scenario.ts'

const { lower, higher } = metricsOf('federation-in')
const SERVERS = 10

/** Events of other servers: each is verified, has its place in the room, and can be seen by its members. */
export const federationIn: Scenario = {
  name: 'federation-in',
  what: 'events that other servers send, 50 a transaction: accepted with verification and visible, into one room and into several',
  run: (bench) =>
    withNetwork(bench, SERVERS, async (session, network) => {
      const account = await session.register()
      return [
        ...(await measure(bench, session, { account, network, id: 'one', senders: network.others.slice(0, 1) })),
        ...(await measure(bench, session, { account, network, id: 'many', senders: network.others })),
      ]
    }),
}

interface Phase {
  account: Account
  network: Network
  id: string
  /** Each sends into a room of its own. */
  senders: readonly Peer[]
}

interface Stream {
  peer: Peer
  room: BuiltRoom
  events: IdentifiedPdu[]
}

async function measure(bench: Bench, session: Session, phase: Phase): Promise<Metric[]> {
  const { account, network, id, senders } = phase
  const { inboundEvents } = bench.options
  const label = senders.length === 1 ? 'one room, one server' : `${senders.length} rooms, a server each`
  bench.progress(`federation-in: ${label}`)
  const streams: Stream[] = []
  for (const peer of senders) {
    const room = createSharedRoom(network.resident, [peer])
    await joinElsewhere(session, account, network.resident, room.roomId)
    streams.push(prepare(peer, room, Math.floor(inboundEvents / senders.length)))
  }
  const total = streams.reduce((sum, { events }) => sum + events.length, 0)
  const watch = watchServer(session)
  const start = performance.now()
  await Promise.all(streams.map(({ peer, events }) => deliver(peer, network.target, events)))
  const answered = performance.now() - start
  for (const { room, events } of streams) {
    await untilVisible(session, account, room.roomId, events.at(-1)?.eventId ?? '')
  }
  const visible = performance.now() - start
  const watched = await watch.stop('federation-in', id, label)
  return [
    higher(`${id}.rate`, `${label}: verified, accepted and visible`, (total * 1000) / visible, 'PDUs/s'),
    higher(`${id}.answers`, `${label}: on disk and answered`, (total * 1000) / answered, 'PDUs/s'),
    lower(`${id}.cpu`, `${label}: server CPU`, watched.cpuMs / total, 'ms/PDU'),
    ...watched.metrics,
    lower(`${id}.missing`, `${label}: answered but not found`, await countMissing(session, account, streams), 'PDUs'),
  ]
}

function prepare(peer: Peer, room: BuiltRoom, count: number): Stream {
  const sender = peer.user('member')
  const events = Array.from({ length: count }, (_, i) => {
    const body = `${i} The quick brown fox jumps over the lazy dog, and then takes a nap in the sun.`
    return appendAs(peer, room, sender, 'm.room.message', { msgtype: 'm.text', body })
  })
  return { peer, room, events }
}

async function countMissing(session: Session, account: Account, streams: readonly Stream[]): Promise<number> {
  let missing = 0
  for (const { room, events } of streams) {
    const pages = Math.ceil(events.length / 100) + 10
    const found = await collectEventIds(session.pool, account, room.roomId, pages)
    missing += events.filter(({ eventId }) => !found.ids.has(eventId)).length
  }
  return missing
}
