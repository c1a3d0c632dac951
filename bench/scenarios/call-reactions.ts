import { call } from '../http/call.ts'
import { requireString } from '../http/json.ts'
import type { Account } from '../matrix/accounts.ts'
import { createRoom, joinRoom } from '../matrix/rooms.ts'
import { registerMany, type Session, withServer } from '../matrix/session.ts'
import { type Arrivals, measureArrivals, type Sending } from '../measure/arrivals.ts'
import { largest, percentile } from '../measure/stats.ts'
import { type Metric, metricsOf, type Scenario } from '../scenario.ts'

const { lower, detail } = metricsOf('call-reactions')

/** People in the call, and how many reactions all of them together send in a second. */
const PEOPLE = 10
const RATE = 20
/** As long as proposals allow a membership to be sticky, in ms. */
const HOUR = 3_600_000

const inRoom = (roomId: string, rest: string) => `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/${rest}`

/** What people in a call show each other: reactions refer to the membership of the sender, raised hands annotate it. */
export const callReactions: Scenario = {
  name: 'call-reactions',
  what: 'from a reaction or a raised or lowered hand in a call of ten to its arrival in the long-polling /sync of each other one',
  run: (bench) =>
    withServer(bench, async (session) => {
      const [first, ...others] = await registerMany(session, PEOPLE)
      if (!first || others.length === 0) throw new Error('people for a call could not be registered')
      const roomId = await createRoom(session.pool, first, bench.options.roomVersion)
      for (const other of others) await joinRoom(session.pool, other, roomId)
      const memberships = await join(session, first, roomId)
      const run = (toSend: (marker: string, index: number) => Sending, seconds = bench.options.seconds) =>
        measureArrivals({ server: session.server, sender: first, listeners: others, rate: RATE, seconds, toSend })
      await run((marker) => reaction(roomId, memberships.state, marker), bench.options.warmup)
      const metrics: Metric[] = []
      for (const [kind, target] of Object.entries(memberships)) {
        bench.progress(`call-reactions: ${kind}`)
        metrics.push(
          ...metricsFor(`${kind}.react`, `reactions, ${kind}`, await run((m) => reaction(roomId, target, m))),
        )
        const raised = await run((marker) => hand(roomId, target, marker))
        metrics.push(...metricsFor(`${kind}.raise`, `raised hands, ${kind}`, raised))
        const lowered = await run((marker, index) => lowering(roomId, raised.eventIds[index] ?? '', marker))
        metrics.push(...metricsFor(`${kind}.lower`, `lowered hands, ${kind}`, lowered))
      }
      return metrics
    }),
}

/** A membership by state and one by a sticky event. */
async function join({ pool }: Session, { token }: Account, roomId: string) {
  const key = encodeURIComponent('_@somebody:example.org_DEVICE_m.call')
  const content = { application: 'm.call', call_id: '', scope: 'm.room', device_id: 'DEVICE', expires: 4 * HOUR }
  const state = await call(pool, 'PUT', inRoom(roomId, `state/org.matrix.msc3401.call.member/${key}`), token, content)
  const path = inRoom(roomId, `send/org.matrix.msc4143.rtc.member/j?org.matrix.msc4354.sticky_duration_ms=${HOUR}`)
  const member = { slot_id: 'm.call#ROOM', application: { type: 'm.call' }, msc4354_sticky_key: 'one' }
  const sticky = await call(pool, 'PUT', path, token, member)
  return { state: requireString(state, 'event_id'), sticky: requireString(sticky, 'event_id') }
}

const reaction = (roomId: string, target: string, marker: string): Sending => ({
  path: inRoom(roomId, `send/io.element.call.reaction/${marker}`),
  body: JSON.stringify({
    'm.relates_to': { rel_type: 'm.reference', event_id: target },
    emoji: '🎉',
    name: `${marker} party`,
  }),
})

const hand = (roomId: string, target: string, marker: string): Sending => ({
  path: inRoom(roomId, `send/m.reaction/${marker}`),
  body: JSON.stringify({ 'm.relates_to': { rel_type: 'm.annotation', event_id: target, key: `${marker} 🖐️` } }),
})

const lowering = (roomId: string, target: string, marker: string): Sending => ({
  path: inRoom(roomId, `redact/${encodeURIComponent(target)}/${marker}`),
  body: JSON.stringify({ reason: `${marker} lowered` }),
})

function metricsFor(id: string, label: string, { latencies, expected, lag }: Arrivals): Metric[] {
  return [
    lower(`${id}.p50`, `${label}: p50`, percentile(latencies, 0.5), 'ms'),
    lower(`${id}.p99`, `${label}: p99`, percentile(latencies, 0.99), 'ms'),
    lower(`${id}.max`, `${label}: longest`, largest(latencies), 'ms'),
    lower(`${id}.lost`, `${label}: lost`, expected - latencies.length, 'events'),
    detail(`${id}.generator_lag`, `${label}: longest lag of the load generator`, lag, 'ms'),
  ]
}
