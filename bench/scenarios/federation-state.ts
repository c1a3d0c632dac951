import type { IdentifiedPdu } from '../../src/matrix/event.ts'
import type { EventId } from '../../src/matrix/ids.ts'
import { stateMapKey } from '../../src/matrix/state-res.ts'
import type { Peer } from '../../test/helpers/federation/peer.ts'
import type { BuiltRoom } from '../../test/helpers/federation/room-builder.ts'
import { untilVisible } from '../federation/arrival.ts'
import { appendAs, createSharedRoom, deliver, joinElsewhere, type Network, withNetwork } from '../federation/network.ts'
import { watchServer } from '../federation/watch.ts'
import type { Account } from '../matrix/accounts.ts'
import type { Session } from '../matrix/session.ts'
import { type Bench, type Metric, metricsOf, type Scenario } from '../scenario.ts'

const { lower } = metricsOf('federation-state')

/**
 * Branches of a room that contradict each other. Event by event there are a fifth as many conflicts: for each event all of
 * them are resolved again.
 */
export const federationState: Scenario = {
  name: 'federation-state',
  what: 'two branches of a room that contradict each other: one that comes as a whole state, and one that comes event by event',
  run: (bench) =>
    withNetwork(bench, 0, async (session, network) => {
      const account = await session.register()
      return [
        ...(await measure(bench, session, { account, network, isWhole: true })),
        ...(await measure(bench, session, { account, network, isWhole: false })),
      ]
    }),
}

interface Phase {
  account: Account
  network: Network
  /** The other branch is known by the state at its end, not by its events. */
  isWhole: boolean
}

async function measure(bench: Bench, session: Session, { account, network, isWhole }: Phase): Promise<Metric[]> {
  const { resident, target } = network
  const each = Math.max(1, Math.floor(bench.options.conflicts / (isWhole ? 2 : 10)))
  const [id, how] = isWhole ? ['whole', 'as a state'] : ['events', 'event by event']
  const label = `${each * 2} conflicts, ${how}`
  bench.progress(`federation-state: ${label}`)
  const room = createSharedRoom(resident, [])
  await joinElsewhere(session, account, resident, room.roomId)
  const [ours, theirs, merge] = fork(resident, room, each)
  await deliver(resident, target, ours)
  const restore = isWhole ? refuseHistory(resident) : () => {}
  try {
    const watch = watchServer(session)
    const start = performance.now()
    await deliver(resident, target, isWhole ? [merge] : [...theirs, merge])
    await untilVisible(session, account, room.roomId, merge.eventId)
    const took = performance.now() - start
    const watched = await watch.stop('federation-state', id, label)
    return [
      lower(`${id}.time`, `${label}: until both are one`, took / 1000, 's'),
      ...watched.metrics,
      lower(`${id}.cpu`, `${label}: server CPU`, watched.cpuMs / 1000, 's'),
      lower(
        `${id}.wrong`,
        `${label}: entries that are not those of the other server`,
        await countWrong(session, account, room),
        'entries',
      ),
    ]
  } finally {
    restore()
  }
}

/** Two branches with the same keys, and an event that follows both. */
function fork(resident: Peer, room: BuiltRoom, each: number) {
  const creator = resident.user('creator')
  const base = [...room.graph.heads]
  const branch = (name: string): IdentifiedPdu[] => {
    let prev: readonly EventId[] = base
    return Array.from({ length: each }, (_, i) => {
      const options = { stateKey: `${i}`, prev }
      const event = appendAs(resident, room, creator, 'org.example.state', { name: `${name} ${i}` }, options)
      prev = [event.eventId]
      return event
    })
  }
  const [ours, theirs] = [branch('one'), branch('two')]
  const merge = appendAs(resident, room, creator, 'm.room.message', { msgtype: 'm.text', body: 'both' })
  return [ours, theirs, merge] as const
}

function refuseHistory(resident: Peer): () => void {
  return resident.on('POST', '/_matrix/federation/v1/get_missing_events/:roomId', () => ({ body: { events: [] } }))
}

/** Both servers must have come to the same. */
async function countWrong({ pool }: Session, { token }: Account, room: BuiltRoom): Promise<number> {
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room.roomId)}/state`
  const answer = await pool.request('GET', path, token)
  const state: { type: string; state_key: string; event_id: string }[] = JSON.parse(answer.body.toString())
  const found = new Map(state.map((event) => [stateMapKey(event.type, event.state_key), event.event_id]))
  return [...room.graph.current()].filter(([key, eventId]) => found.get(key) !== eventId).length
}
