/** Plays the scenarios of calls as clients do it, over HTTP, on a clock that is moved by hand. */
import type { JsonObject } from '../../src/matrix/event.ts'
import type { RoomId } from '../../src/matrix/ids.ts'
import type { TestClock } from '../../src/util/clock.ts'
import { fill, sealed } from '../../src/voip/calls/scenarios/fill.ts'
import type { Person, Scenario, Step } from '../../src/voip/calls/scenarios/scenario.ts'
import type { Call } from '../../src/voip/calls/types.ts'
import { at } from './client.ts'
import { act, createRoom, join, send, setState } from './rooms.ts'
import type { TestServer, TestUser } from './server.ts'

export interface Stage {
  readonly server: TestServer
  readonly clock: TestClock
  readonly people: Readonly<Record<Person, TestUser>>
}

/** Moves the time on, and does everything at the moment when it is due. */
export async function pass({ server, clock }: Pick<Stage, 'server' | 'clock'>, until: number): Promise<void> {
  const { db, jobs } = server.context
  for (;;) {
    await jobs.drain()
    const next = await db.read((reader) =>
      reader.qb
        .selectFrom('jobs')
        .select('run_at')
        .where('kind', '=', 'calls.judge')
        .orderBy('run_at')
        .executeTakeFirst(),
    )
    if (next === undefined || next.run_at > until) break
    clock.advance(Math.max(next.run_at - clock.now(), 0))
  }
  clock.advance(Math.max(until - clock.now(), 0))
}

export async function openRoom(stage: Stage, scenario: Partial<Scenario>): Promise<string> {
  const { alice, bob, carol } = stage.people
  const others = scenario.isGroup ? [bob, carol] : [bob]
  const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
  const roomId = await createRoom(alice, {
    preset: scenario.isPublic ? 'public_chat' : 'private_chat',
    invite: others.map(({ userId }) => userId),
    initial_state: scenario.isEncrypted ? [encryption] : [],
  })
  for (const user of others) await join(user, roomId)
  const direct = scenario.isDirect ? { [bob.userId]: [roomId] } : {}
  await alice.put(at`/_matrix/client/v3/user/${alice.userId}/account_data/m.direct`, direct)
  return roomId
}

interface Settled {
  readonly call: Call
  readonly at: number
}

/** Plays a scenario in a room of its own, and returns what was decided about its calls, and when. */
export async function playScenario(stage: Stage, scenario: Scenario, settled: Settled[]): Promise<string> {
  const { clock, people } = stage
  // The last prompt between the same two is long ago.
  await pass(stage, clock.now() + 180_000)
  const roomId = await openRoom(stage, scenario)
  settled.length = 0
  const start = clock.now()
  const ids = new Map<string, string>()
  for (const step of scenario.steps) {
    await pass(stage, start + Math.round(step.at * 1000))
    const eventId = await takeStep(stage, scenario, { roomId, step, ids })
    if (step.name !== undefined && eventId !== undefined) ids.set(step.name, eventId)
  }
  await pass(stage, clock.now() + 600_000)
  // Else they would be busy in the next one.
  for (const user of scenario.isGroup ? Object.values(people) : [people.bob, people.alice])
    await act(user, roomId, 'leave')
  return roomId
}

/** Returns the id of the event, where there is one. */
export async function takeStep(
  stage: Stage,
  scenario: Pick<Scenario, 'isEncrypted'>,
  { roomId, step, ids }: { roomId: string; step: Step; ids: ReadonlyMap<string, string> },
): Promise<string | undefined> {
  const { server, clock, people } = stage
  const { db, calls } = server.context
  const user = people[step.who]
  const { does } = step
  const idOf = (name: string) => (name in people ? people[name as Person].userId : name)
  const filled = <T extends JsonObject | string>(value: T): T => fill(value, ids, idOf)
  const news = { roomId: roomId as RoomId, userId: user.userId, ts: clock.now() }
  if ('redacts' in does) {
    const target = ids.get(does.redacts.slice(1)) ?? ''
    await user.put(at`/_matrix/client/v3/rooms/${roomId}/redact/${target}/${`r${clock.now()}`}`, {})
    return undefined
  }
  if ('sfu' in does) {
    await db.write('test', (tx) => calls.noteParticipant(tx, { ...news, deviceId: does.device, what: does.sfu }))
    return undefined
  }
  if ('delayed' in does) {
    const { type, key, delayed: what, content } = does
    const stateKey = key === undefined ? {} : { stateKey: filled(key) }
    await db.write('test', (tx) =>
      calls.noteDelayed(tx, { ...news, type, ...stateKey, content: filled(content), what }),
    )
    return undefined
  }
  if ('sets' in does) return setState(user, roomId, does.sets, filled(does.content), filled(does.key))
  const event = { type: does.sends, content: filled(does.content) }
  const shown = scenario.isEncrypted ? sealed(event) : event
  if (does.isSticky !== true) return send(user, roomId, shown.content, shown.type)
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/${shown.type}/${`s${clock.now()}`}`
  const query = { 'org.matrix.msc4354.sticky_duration_ms': 3_600_000 }
  return String((await user.request('PUT', path, { query, body: shown.content, expect: 200 })).body.event_id)
}
