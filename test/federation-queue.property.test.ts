import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { unreachable } from './helpers/federation/fake-transport.ts'
import { createSenderFixture, Receiver } from './helpers/federation/sender.ts'
import { postgresMissing } from './helpers/postgres.ts'
import { createRoom, send } from './helpers/rooms.ts'

const fail = () => unreachable({ destination: 'b.test' } as never) as never

type Step =
  | { kind: 'send'; room: number }
  | { kind: 'device' }
  /** The next attempt is lost on its way (`late`: the answer is). */
  | { kind: 'fail'; late: boolean }
  | { kind: 'wait'; ms: number }
  | { kind: 'settle' }
  | { kind: 'restart' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), room: fc.integer({ min: 0, max: 1 }) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'device' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('fail' as const), late: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 20_000 }) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'settle' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
)

for (const engine of postgresMissing ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)) {
  test(`whatever fails, each thing arrives, in one transaction, in its order (${engine})`, async () => {
    await using fixture = await createSenderFixture({ engine })
    const alice = await fixture.server.user('alice')
    const rooms = [await createRoom(alice), await createRoom(alice)]
    const bob = '@bob:b.test'
    for (const roomId of rooms) await fixture.join(roomId, bob)
    let count = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const receiver = new Receiver()
        fixture.transport.servers.set('b.test', receiver.answer)
        const sent: string[][] = [[], []]
        const messages: number[] = []
        for (const one of steps) {
          count += 1
          if (one.kind === 'send') {
            sent[one.room]?.push(`m${count}`)
            await send(alice, rooms[one.room] ?? '', `m${count}`)
          } else if (one.kind === 'device') {
            messages.push(count)
            const path = `/_matrix/client/v3/sendToDevice/m.test/${count}`
            await alice.put(path, { messages: { [bob]: { '*': { n: count } } } })
          } else if (one.kind === 'fail') receiver.failures.push({ error: fail, late: one.late })
          else if (one.kind === 'wait') fixture.clock.advance(one.ms)
          else if (one.kind === 'settle') await fixture.sender.drain()
          else await fixture.restart()
        }
        receiver.failures.length = 0
        await fixture.sender.drain()
        fixture.clock.advance(3_600_000)
        await fixture.sender.drain()
        const bodiesIn = (roomId: string | undefined) =>
          receiver.pdus.flatMap((pdu) => (pdu.room_id === roomId ? [String(Object(pdu.content).body)] : []))
        assert.deepEqual([bodiesIn(rooms[0]), bodiesIn(rooms[1])], sent)
        const arrived = receiver.edus.flatMap(({ content }) => {
          const [message] = Object.values(Object(Object(content.messages)[bob]))
          return message === undefined ? [] : [Object(message).n]
        })
        assert.deepEqual(arrived, messages)
        assert.deepEqual(receiver.changed, [])
      }),
      { numRuns: 15 },
    )
  })
}
