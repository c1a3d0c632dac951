import type { Account } from '../matrix/accounts.ts'
import { createRoom, joinRoom, sendMessage } from '../matrix/rooms.ts'
import { registerMany, type Session, withServer } from '../matrix/session.ts'
import { nextBatchOf, syncPath } from '../matrix/sync.ts'
import { rssMib } from '../measure/process.ts'
import { median } from '../measure/stats.ts'
import { type Bench, type Metric, metricsOf, type Scenario } from '../scenario.ts'

const { lower, detail } = metricsOf('initial-sync')
const CREATORS = 10
const REPEATS = 5

/** Puts an account into many rooms of other people, with a message in each, and takes its first `/sync`. */
export const initialSync: Scenario = {
  name: 'initial-sync',
  what: 'the first /sync, without a filter, of an account that is in many rooms; RSS when all rooms are in use',
  run: (bench) =>
    withServer(bench, async (session) => {
      const metrics: Metric[] = []
      const [reader, ...creators] = await registerMany(session, CREATORS + 1)
      if (!reader) throw new Error('nobody could be registered')
      const rooms: string[] = []
      for (const count of bench.options.rooms) {
        bench.progress(`initial-sync: preparing ${count} rooms`)
        const start = performance.now()
        const had = rooms.length
        await addRooms(bench, session, reader, creators, rooms, count - had)
        const took = (performance.now() - start) / (rooms.length - had)
        bench.progress(`initial-sync: ${rooms.length} rooms`)
        metrics.push(...(await measure(session, reader, rooms.length, count)))
        metrics.push(detail(`${count}.prepare`, `${count} rooms: preparing one (create, join, message)`, took, 'ms'))
        await session.setUp(rooms, (roomId, index) => say(session, reader, roomId, `active-${count}-${index}`))
        metrics.push(lower(`${count}.rss`, `${rooms.length} rooms in use: RSS`, rssMib(session.server.pids), 'MiB'))
      }
      return metrics
    }),
}

async function addRooms(
  bench: Bench,
  session: Session,
  reader: Account,
  creators: readonly Account[],
  rooms: string[],
  count: number,
): Promise<void> {
  await session.setUp(Array.from({ length: count }), async (_, index) => {
    const creator = creators[index % creators.length] ?? reader
    const roomId = await createRoom(session.pool, creator, bench.options.roomVersion)
    await joinRoom(session.pool, reader, roomId)
    await say(session, creator, roomId, `first-${rooms.length}-${index}`)
    rooms.push(roomId)
  })
}

async function say(session: Session, account: Account, roomId: string, text: string): Promise<void> {
  await sendMessage(session.pool, account, roomId, text)
}

async function measure(session: Session, reader: Account, have: number, count: number): Promise<Metric[]> {
  const times: number[] = []
  let bytes = 0
  for (let n = 0; n < REPEATS; n++) {
    const start = performance.now()
    const answer = await session.pool.request('GET', syncPath(undefined, 0), reader.token)
    times.push(performance.now() - start)
    nextBatchOf(answer)
    bytes = answer.body.length
  }
  const label = have === count ? `${count} rooms` : `${have} (of ${count}) rooms`
  return [
    lower(`${count}.median`, `${label}: median of ${REPEATS}`, median(times), 'ms'),
    lower(`${count}.first`, `${label}: the first time`, times[0] ?? Number.NaN, 'ms'),
    lower(`${count}.bytes`, `${label}: size`, bytes / 1000, 'kB'),
  ]
}
