import { randomBytes } from 'node:crypto'
import { call } from '../http/call.ts'
import { type Gateway, startGateway } from '../http/gateway.ts'
import type { Account } from '../matrix/accounts.ts'
import { createRoom, joinRoom, sendMessage } from '../matrix/rooms.ts'
import { registerMany, type Session, withServer } from '../matrix/session.ts'
import { startProbe } from '../measure/probe.ts'
import { largest, median, percentile } from '../measure/stats.ts'
import { type Bench, type Metric, metricsOf, type Scenario } from '../scenario.ts'
import { runSendLoad } from './send-load.ts'

const { lower, detail } = metricsOf('push')
const MESSAGES = 3
const PROBE_EVERY_MS = 20
const PATIENCE_MS = 120_000

/** One message that notifies a large room: what it costs whoever sends, and everybody else. */
export const push: Scenario = {
  name: 'push',
  what: 'messages in a room of many members: send latency and event loop, alone and while each is pushed to many devices',
  run: (bench) =>
    withServer(bench, async (session) => {
      const { options, progress } = bench
      const gateway = await startGateway()
      try {
        const speaker = await session.register()
        const roomId = await createRoom(session.pool, speaker, options.roomVersion)
        progress(`push: preparing ${options.members} members`)
        const members: Account[] = []
        await session.setUp(await registerMany(session, options.members), async (account) => {
          await joinRoom(session.pool, account, roomId)
          members.push(account)
        })
        const metrics = await alone(bench, session, { account: speaker, roomId }, members.length)
        const devices: Account[] = []
        await session.setUp(members.slice(0, options.pushers), async (account) => {
          await setPusher(session, account, gateway)
          devices.push(account)
        })
        metrics.push(
          ...(await pushed(bench, session, { account: speaker, roomId }, { gateway, count: devices.length })),
        )
        return metrics
      } finally {
        await gateway.close()
      }
    }),
}

type Sender = { account: Account; roomId: string }

async function alone(bench: Bench, session: Session, sender: Sender, count: number): Promise<Metric[]> {
  bench.progress('push: sending where nobody has a pusher')
  const watch = session.server.watchLoop?.()
  const load = await runSendLoad(session.server, [sender], bench.options)
  const loop = await watch?.stop()
  const label = `${count} members, no pushers`
  return [
    lower('none.p50', `${label}: answer p50`, percentile(load.latencies, 0.5), 'ms'),
    lower('none.p99', `${label}: answer p99`, percentile(load.latencies, 0.99), 'ms'),
    lower('none.cpu', `${label}: server CPU`, load.cpuMsPerMessage, 'ms/msg'),
    ...(loop ? [lower('none.loop_max', `${label}: event loop delay, longest`, loop.max, 'ms')] : []),
  ]
}

async function pushed(
  bench: Bench,
  session: Session,
  sender: Sender,
  { gateway, count }: { gateway: Gateway; count: number },
): Promise<Metric[]> {
  if (count === 0) throw new Error('nobody could set a pusher in the setup time')
  bench.progress(`push: to ${count} devices`)
  const watch = session.server.watchLoop?.()
  const probe = startProbe(session.server.address, PROBE_EVERY_MS)
  const answers: number[] = []
  const lasts: number[] = []
  for (let i = 0; i < MESSAGES; i++) {
    const marker = `push-${randomBytes(6).toString('hex')}`
    const arrivals = gateway.arrivals(marker, count)
    const start = performance.now()
    await sendMessage(session.pool, sender.account, sender.roomId, marker)
    answers.push(performance.now() - start)
    lasts.push(largest(await inTime(arrivals)) - start)
  }
  const waits = await probe.stop()
  const loop = await watch?.stop()
  const label = `pushed to ${count} devices`
  return [
    lower('all', `${label}: all have it, median of ${MESSAGES}`, median(lasts), 'ms'),
    lower('answer', `${label}: the answer to the sender`, median(answers), 'ms'),
    lower('probe_p99', `${label}: GET /versions meanwhile, p99`, percentile(waits, 0.99), 'ms'),
    lower('probe_max', `${label}: GET /versions meanwhile, longest`, largest(waits), 'ms'),
    ...(loop ? [lower('loop_p99', `${label}: event loop delay p99`, loop.p99, 'ms')] : []),
    ...(loop ? [lower('loop_max', `${label}: event loop delay, longest`, loop.max, 'ms')] : []),
    detail('devices', `${label}: devices`, count, 'devices'),
  ]
}

async function inTime(arrivals: Promise<number[]>): Promise<number[]> {
  const timer = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('not every device was told in time')), PATIENCE_MS).unref()
  })
  return Promise.race([arrivals, timer])
}

async function setPusher({ pool }: Session, { token, userId }: Account, gateway: Gateway): Promise<void> {
  await call(pool, 'POST', '/_matrix/client/v3/pushers/set', token, {
    pushkey: userId,
    kind: 'http',
    app_id: 'org.example.bench',
    app_display_name: 'bench',
    device_display_name: 'bench',
    lang: 'en',
    data: { url: gateway.url },
  })
}
