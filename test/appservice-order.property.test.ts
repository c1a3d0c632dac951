import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { appserviceConfig, createGhost, registered, startAppservice } from './helpers/appservice.ts'
import { at } from './helpers/client.ts'
import { publicRoom, send } from './helpers/rooms.ts'
import { createTestServer } from './helpers/server.ts'

/** How the service treats a request: as it should, not at all, or well, but its answer is lost. */
type Mood = 'fine' | 'refuse' | 'break' | 'lose'

const mood = fc.constantFrom<Mood>('fine', 'refuse', 'break', 'lose')
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('send' as const), room: fc.nat(2), count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('mood' as const), mood }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('retry' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reload' as const) }) },
)

test('whatever a service does with its transactions, it is told each event once and in order', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const { appservices } = server.context
  const alice = await server.user('alice')
  const ghost = await createGhost(server, service, '_irc_a')
  const rooms = [await publicRoom(alice, []), await publicRoom(alice, []), await publicRoom(alice, [])]
  for (const room of rooms) await ghost.request('POST', at`/_matrix/client/v3/join/${room}`, { body: {} })
  await appservices.drain()

  let current: Mood = 'fine'
  const processed = new Map<string, string[]>()
  const refused = new Map<string, string[]>()
  service.answer = ({ path, body }, response) => {
    const id = path.split('/').at(-1) ?? ''
    const ids = (body.events as { event_id: string }[]).map(({ event_id }) => event_id)
    const before = processed.get(id) ?? refused.get(id)
    if (before !== undefined) assert.deepEqual(ids, before, 'a repeated transaction is another one')
    if (current === 'refuse' || current === 'break') refused.set(id, ids)
    else if (!processed.has(id)) processed.set(id, ids)
    if (current === 'refuse') return { status: 503, body: { errcode: 'M_UNKNOWN' } }
    if (current === 'fine') return undefined
    response.destroy()
    return 'handled'
  }

  const run = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
    processed.clear()
    const sent: string[] = []
    for (const action of steps) {
      if (action.do === 'mood') current = action.mood
      else if (action.do === 'retry') await appservices.retry(registered(server))
      else if (action.do === 'reload') await server.context.reloadAppservices()
      else for (let n = 0; n < action.count; n++) sent.push(await send(alice, rooms[action.room] ?? '', `${n}`))
    }
    current = 'fine'
    await appservices.drain()
    await appservices.retry(registered(server))
    await appservices.drain()
    assert.deepEqual([...processed.values()].flat(), sent)
  })
  await fc.assert(run, { numRuns: 25 })
})
