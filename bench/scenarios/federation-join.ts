import { appendAs, joinAs, joinElsewhere, withNetwork } from '../federation/network.ts'
import { watchServer } from '../federation/watch.ts'
import { call } from '../http/call.ts'
import { rssMib } from '../measure/process.ts'
import { metricsOf, type Scenario } from '../scenario.ts'

const { lower, higher } = metricsOf('federation-join')

/** The members are of so many servers, whose keys are asked for. */
const SERVERS = 20

/** A large room that is joined through another server: until the client has its answer, and until all members are there. */
export const federationJoin: Scenario = {
  name: 'federation-join',
  what: 'the join of a large room through another server: time to the answer, and the event loop meanwhile',
  run: (bench) =>
    withNetwork(bench, SERVERS, async (session, { resident, others }) => {
      const { joinState } = bench.options
      const account = await session.register()
      bench.progress(`federation-join: a room of ${joinState} state events`)
      const creator = resident.user('creator')
      const room = resident.createRoom(creator)
      const memberCount = Math.floor(joinState / 2)
      const peers = [resident, ...others]
      for (let i = 1; i < memberCount; i++) {
        const peer = peers[i % peers.length] ?? resident
        joinAs(peer, room, peer.user(`member-${i}`))
      }
      while (room.graph.current().size < joinState) {
        const stateKey = `${room.graph.current().size}`
        appendAs(resident, room, creator, 'org.example.state', { name: `Entry ${stateKey}` }, { stateKey })
      }
      const size = room.graph.current().size
      const label = `${size} state events, ${memberCount} members`
      bench.progress('federation-join: joining')
      resident.omitsMembers = bench.options.omitMembers
      const watch = watchServer(session)
      const start = performance.now()
      await joinElsewhere(session, account, resident, room.roomId)
      const answered = performance.now() - start
      const members = await untilComplete(() => countMembers(session, account.token, room.roomId), memberCount + 1)
      const complete = performance.now() - start
      const watched = await watch.stop('federation-join', 'join', label)
      return [
        lower('join.answer', `${label}: the answer`, answered / 1000, 's'),
        lower('join.complete', `${label}: all members are listed`, complete / 1000, 's'),
        ...watched.metrics,
        lower('join.cpu', `${label}: server CPU`, watched.cpuMs / 1000, 's'),
        lower('join.rss', `${label}: RSS afterwards`, rssMib(session.server.pids), 'MiB'),
        higher('join.members', `${label}: members that are listed`, members, 'members'),
      ]
    }),
}

async function countMembers({ pool }: Parameters<typeof watchServer>[0], token: string, roomId: string) {
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/joined_members`
  const { joined } = await call(pool, 'GET', path, token)
  return Object.keys(Object(joined)).length
}

const PATIENCE_MS = 300_000

async function untilComplete(count: () => Promise<number>, expected: number): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const found = await count()
    if (found >= expected || performance.now() > deadline) return found
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
