import { createSharedRoom, joinElsewhere, withNetwork } from '../federation/network.ts'
import { watchServer } from '../federation/watch.ts'
import { sendMessage } from '../matrix/rooms.ts'
import { largest, median, percentile } from '../measure/stats.ts'
import { metricsOf, type Scenario } from '../scenario.ts'

const { lower, higher, detail } = metricsOf('federation-out')
const BURST = 200

/** Messages into a room with members on many servers: until each of these has each message. */
export const federationOut: Scenario = {
  name: 'federation-out',
  what: 'messages into a room with members on many servers: until all of these have them, one by one and in a burst',
  run: (bench) =>
    withNetwork(bench, bench.options.fanOut, async (session, { resident, others }) => {
      const account = await session.register()
      const room = createSharedRoom(resident, others)
      await joinElsewhere(session, account, resident, room.roomId)
      const servers = [resident, ...others]
      const label = `${servers.length} servers`
      /** The time at which each server has the message. */
      const send = async (marker: string) => {
        const arrivals = servers.map(async (peer) => {
          await peer.waitForPdu(({ content }) => String(content.body).startsWith(`${marker} `))
          return performance.now()
        })
        const start = performance.now()
        await sendMessage(session.pool, account, room.roomId, marker)
        const answered = performance.now() - start
        return { start, answered, arrivals: Promise.all(arrivals) }
      }
      bench.progress(`federation-out: ${label}`)
      // They ask for the key of the server, and it for theirs.
      await (await send('warm-up')).arrivals
      const single = watchServer(session)
      const times: number[] = []
      const lasts: number[] = []
      const answers: number[] = []
      for (let i = 0; i < 20; i++) {
        const { start, answered, arrivals } = await send(`single-${i}`)
        const arrived = (await arrivals).map((time) => time - start)
        answers.push(answered)
        times.push(...arrived)
        lasts.push(largest(arrived))
      }
      const alone = await single.stop('federation-out', 'single', `${label}, a message at a time`)
      const burst = watchServer(session)
      const start = performance.now()
      let last: Awaited<ReturnType<typeof send>> | undefined
      for (let i = 0; i < BURST; i++) {
        if (i === BURST - 1) last = await send(`burst-${i}`)
        else await sendMessage(session.pool, account, room.roomId, `burst-${i}`)
      }
      await last?.arrivals
      const took = performance.now() - start
      const together = await burst.stop('federation-out', 'burst', `${label}, ${BURST} messages`)
      const missing = servers.reduce((sum, { pdus }) => {
        const bodies = new Set(pdus.map(({ content }) => String(content.body).split(' ')[0]))
        return sum + Array.from({ length: BURST }, (_, i) => bodies.has(`burst-${i}`)).filter((has) => !has).length
      }, 0)
      return [
        lower('single.all', `${label}: all have a message, median of 20`, median(lasts), 'ms'),
        lower('single.p99', `${label}: one has it, p99`, percentile(times, 0.99), 'ms'),
        lower('single.answer', `${label}: the answer to the sender`, median(answers), 'ms'),
        ...alone.metrics,
        lower('burst.all', `${label}: all have ${BURST} messages`, took, 'ms'),
        higher('burst.rate', `${label}: delivered`, (BURST * servers.length * 1000) / took, 'PDUs/s'),
        lower('burst.cpu', `${label}: server CPU`, together.cpuMs / (BURST * servers.length), 'ms/PDU'),
        ...together.metrics,
        lower('burst.missing', `${label}: messages that a server did not get`, missing, 'messages'),
        detail('servers', 'servers', servers.length, 'servers'),
      ]
    }),
}
