import { collectEventIds, createRoom, joinRoom } from '../matrix/rooms.ts'
import { registerMany, type Session, withServer } from '../matrix/session.ts'
import { rssMib } from '../measure/process.ts'
import { percentile } from '../measure/stats.ts'
import { type Bench, type Metric, metricsOf, type Scenario } from '../scenario.ts'
import { runSendLoad, type Sender, type SendLoad } from './send-load.ts'

const { lower, higher, detail } = metricsOf('send')

/** Sends as fast as answers come, and then looks for every acknowledged message by paging `/messages`. */
export const send: Scenario = {
  name: 'send',
  what: 'messages per second from senders that wait for each answer; every acknowledged one is looked for afterwards',
  run: (bench) =>
    withServer(bench, async (session) => {
      const { options } = bench
      const metrics: Metric[] = []
      const accounts = await registerMany(session, Math.max(...options.senders, options.manyRooms))
      for (const count of options.senders) {
        const [first, ...others] = accounts.slice(0, count)
        if (!first) throw new Error('nobody could be registered')
        const roomId = await createRoom(session.pool, first, options.roomVersion)
        await session.setUp(others, (account) => joinRoom(session.pool, account, roomId))
        const senders = [first, ...others].map((account) => ({ account, roomId }))
        metrics.push(...(await phase(bench, session, senders, `${count}`, `${plural(senders.length)}, one room`)))
      }
      const rooms: Sender[] = []
      await session.setUp(accounts.slice(0, options.manyRooms), async (account) => {
        rooms.push({ account, roomId: await createRoom(session.pool, account, options.roomVersion) })
      })
      metrics.push(...(await phase(bench, session, rooms, 'rooms', `${plural(rooms.length)}, a room each`)))
      metrics.push(lower('rss', 'RSS after sending', rssMib(session.server.pids), 'MiB'))
      return metrics
    }),
}

async function phase(bench: Bench, session: Session, senders: Sender[], id: string, label: string): Promise<Metric[]> {
  bench.progress(`send: ${label}`)
  const watch = session.server.watchLoop?.()
  const load = await runSendLoad(session.server, senders, bench.options)
  const loop = await watch?.stop()
  const missing = await countMissing(session, senders, load)
  return [
    higher(`${id}.rate`, label, load.messages / load.seconds, 'msg/s'),
    lower(`${id}.cpu`, `${label}: server CPU`, load.cpuMsPerMessage, 'ms/msg'),
    lower(`${id}.p50`, `${label}: answer p50`, percentile(load.latencies, 0.5), 'ms'),
    lower(`${id}.p99`, `${label}: answer p99`, percentile(load.latencies, 0.99), 'ms'),
    lower(`${id}.missing`, `${label}: acknowledged but not found`, missing, 'messages'),
    detail(`${id}.messages`, `${label}: messages measured`, load.messages, 'messages'),
    detail(`${id}.written`, `${label}: written to disk`, load.writtenPerMessage / 1000, 'kB/msg'),
    detail(`${id}.generator_cpu`, `${label}: load generator CPU`, load.generatorCpuMsPerMessage, 'ms/msg'),
    ...(loop ? [lower(`${id}.loop_p99`, `${label}: event loop delay p99`, loop.p99, 'ms')] : []),
    ...(loop ? [detail(`${id}.loop_max`, `${label}: event loop delay, longest`, loop.max, 'ms')] : []),
  ]
}

async function countMissing(session: Session, senders: readonly Sender[], load: SendLoad): Promise<number> {
  let missing = 0
  for (const [roomId, ids] of load.acknowledged) {
    const reader = senders.find((sender) => sender.roomId === roomId)
    if (!reader || ids.length === 0) continue
    // A server may give fewer than the 1,000 events asked for; below 10 a page is no reading any more.
    const found = await collectEventIds(session.pool, reader.account, roomId, 10 + ids.length / 10)
    missing += ids.filter((eventId) => !found.ids.has(eventId)).length
  }
  return missing
}

function plural(senders: number): string {
  return senders === 1 ? '1 sender' : `${senders} senders`
}
