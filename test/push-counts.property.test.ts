import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { JsonObject } from '../src/matrix/event.ts'
import type { UserId } from '../src/matrix/ids.ts'
import type { PushAction, PushRuleKind } from '../src/matrix/push-rule-types.ts'
import type { NewRule } from '../src/push/edit-rules.ts'
import type { StoredEvent } from '../src/rooms/types.ts'
import { testOnEngines } from './helpers/engines.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'
import { type Rules, UnreadModel } from './helpers/unread-model.ts'

/** Rules that make a difference, or look as if they did. */
const ruleMenu = (roomId: string, others: readonly string[]): [PushRuleKind, string, NewRule][] => [
  ['override', 'mute', { actions: [], conditions: [{ kind: 'event_match', key: 'room_id', pattern: roomId }] }],
  ['override', 'elsewhere', { actions: [], conditions: [{ kind: 'event_match', key: 'room_id', pattern: '!x' }] }],
  ['override', 'all', { actions: ['notify'], conditions: [] }],
  [
    'override',
    'named',
    { actions: ['notify', { set_tweak: 'highlight' }], conditions: [{ kind: 'contains_display_name' }] },
  ],
  ['override', 'small', { actions: [], conditions: [{ kind: 'room_member_count', is: '<3' }] }],
  ['content', 'cake', { actions: ['notify', { set_tweak: 'highlight' }], pattern: 'cake' }],
  ['room', roomId, { actions: [] }],
  ['room', '!other:localhost', { actions: [] }],
  ['sender', others[0] ?? '', { actions: [] }],
  ['sender', others[1] ?? '', { actions: ['notify', { set_tweak: 'sound', value: 'ping' }] }],
  [
    'underride',
    'reactions',
    { actions: ['notify'], conditions: [{ kind: 'event_match', key: 'type', pattern: 'm.*' }] },
  ],
]
interface Change {
  enabled?: boolean
  actions?: PushAction[]
}
const defaultMenu: [PushRuleKind, string, Change][] = [
  ['override', '.m.rule.master', { enabled: true }],
  ['override', '.m.rule.master', { enabled: false }],
  ['override', '.m.rule.suppress_notices', { actions: ['notify'] }],
  ['override', '.m.rule.is_user_mention', { enabled: false }],
  ['override', '.m.rule.reaction', { actions: ['notify', { set_tweak: 'highlight' }] }],
  ['underride', '.m.rule.message', { actions: [] }],
  ['underride', '.m.rule.room_one_to_one', { actions: [] }],
]

const who = fc.nat({ max: 3 })
const message = fc.record({
  who,
  type: fc.constantFrom('m.room.message', 'm.room.message', 'm.room.encrypted', 'm.reaction'),
  text: fc.constantFrom('hello', 'have some cake', 'call me User1 now'),
  notice: fc.boolean(),
  mention: fc.option(fc.oneof(who, fc.constant('room' as const))),
  thread: fc.option(fc.nat({ max: 5 })),
})
const act = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('send'), messages: fc.array(message, { minLength: 1, maxLength: 4 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read'),
      who,
      back: fc.nat({ max: 12 }),
      type: fc.constantFrom('m.read', 'm.read.private'),
      threaded: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('rule'), who, rule: fc.nat({ max: 17 }), remove: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ignore'), who, ignored: fc.array(who, { maxLength: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('redact'), back: fc.nat({ max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave'), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('join'), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('topic'), who }) },
)
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never
type Message = typeof message extends fc.Arbitrary<infer T> ? T : never

/** A room of four users on a real server, and what the model thinks of it. */
class Room {
  readonly model = new UnreadModel()
  readonly #rules = new Map<string, Rules>()
  #seen = 0
  #nid = 0
  readonly #arrived: StoredEvent[]
  readonly server: TestServer
  readonly users: readonly UserId[]
  readonly roomId: string

  constructor(server: TestServer, users: readonly UserId[], roomId: string, arrived: StoredEvent[]) {
    this.#arrived = arrived
    this.server = server
    this.users = users
    this.roomId = roomId
  }

  user(index: number): UserId {
    const user = this.users[index]
    if (user === undefined) throw new Error('no such user')
    return user
  }

  async do(step: Act): Promise<void> {
    const { rooms, accounts, db } = this.server.context
    if (step.kind === 'send' && 'messages' in step) {
      const targets = [...this.model.events]
      await Promise.all(step.messages.map((one) => this.#tolerate(this.#send(one, targets))))
    } else if (step.kind === 'read' && 'threaded' in step) {
      await this.#read(step.who, step.back, step.type === 'm.read' ? 'm.read' : 'm.read.private', step.threaded)
    } else if (step.kind === 'rule' && 'rule' in step)
      await this.#changeRule(this.user(step.who), step.rule, step.remove)
    else if (step.kind === 'ignore' && 'ignored' in step) {
      const ignored = Object.fromEntries(step.ignored.filter((i) => i !== step.who).map((i) => [this.user(i), {}]))
      const userId = this.user(step.who)
      await db.write('ignore', (tx) =>
        accounts.accountData.set(tx, userId, 'm.ignored_user_list', { ignored_users: ignored }),
      )
    } else if (step.kind === 'redact' && 'back' in step) {
      const target = this.model.events.at(-1 - step.back)?.event
      if (target !== undefined && target.pdu.state_key === undefined && target.pdu.type !== 'm.room.redaction') {
        await rooms.events.redact({ userId: this.user(0) }, this.roomId, target.eventId, undefined, {})
        this.model.redact(target.eventId)
      }
    } else if (step.kind === 'leave' && 'who' in step && step.who !== 0) {
      await this.#tolerate(rooms.membership.leave({ userId: this.user(step.who) }, this.roomId))
    } else if (step.kind === 'join' && 'who' in step) {
      await this.#tolerate(rooms.membership.join({ userId: this.user(step.who) }, { roomIdOrAlias: this.roomId }))
    } else if (step.kind === 'topic') {
      await rooms.events.setState({ userId: this.user(0) }, this.roomId, {
        type: 'm.room.tombstone',
        stateKey: '',
        content: { body: `${this.#seen}`, replacement_room: '!nowhere' },
      })
    }
    await this.follow()
  }

  /** What somebody who is not in the room may not do changes nothing. */
  async #tolerate(task: Promise<unknown>): Promise<void> {
    await task.catch((error) => {
      if (error?.status !== 403 && error?.status !== 400) throw error
    })
  }

  async #send(one: Message, targets: { event: StoredEvent }[]): Promise<void> {
    const root =
      one.thread === null ? undefined : targets.filter(({ event }) => event.threadId === undefined).at(-1 - one.thread)
    const mentions: JsonObject =
      one.mention === null ? {} : one.mention === 'room' ? { room: true } : { user_ids: [this.user(one.mention)] }
    const content: JsonObject = {
      msgtype: one.notice ? 'm.notice' : 'm.text',
      body: one.text.replace('User1', this.users[1]?.split(/[@:]/)[1]?.toUpperCase() ?? ''),
      'm.mentions': mentions,
      ...(root === undefined ? {} : { 'm.relates_to': { rel_type: 'm.thread', event_id: root.event.eventId } }),
    }
    await this.server.context.rooms.events.send({ userId: this.user(one.who) }, this.roomId, {
      type: one.type,
      content,
    })
  }

  async #read(index: number, back: number, type: 'm.read' | 'm.read.private', threaded: boolean): Promise<void> {
    const event = this.model.events.at(-1 - back)?.event
    const userId = this.user(index)
    if (event === undefined || !this.model.joined.includes(userId)) return
    const threadId = threaded ? (event.threadId ?? 'main') : undefined
    await this.server.context.rooms.receipts.set({ userId }, this.roomId, [{ type, eventId: event.eventId, threadId }])
    this.model.read(userId, threadId, event.streamPos ?? 0)
  }

  async #changeRule(userId: UserId, index: number, remove: boolean): Promise<void> {
    const { rules } = this.server.context.push
    const menu = ruleMenu(this.roomId, this.users)
    const own = menu[index]
    const changed = defaultMenu[index - menu.length]
    if (own !== undefined) {
      const [kind, id, rule] = own
      if (remove) await rules.delete(userId, kind, id).catch((error) => assert.equal(error.status, 404))
      else await rules.put(userId, kind, id, rule, {})
    } else if (changed !== undefined) {
      const [kind, id, { enabled, actions }] = changed
      if (enabled !== undefined) await rules.setEnabled(userId, kind, id, enabled)
      if (actions !== undefined) await rules.setActions(userId, kind, id, actions)
    }
  }

  /** Reads what is new in the room into the model. Rules never change together with events. */
  async follow(): Promise<void> {
    if (this.#rules.size === 0) await this.#learnRules()
    const events = this.#arrived.splice(0)
    for (const event of events) {
      this.model.add(
        event,
        (userId) => this.#rules.get(userId) ?? assert.fail(`no rules of ${userId}`),
        (userId) => userId === this.user(0),
      )
      this.#seen += 1
      this.#nid = event.roomNid
    }
    await this.#learnRules()
  }

  async #learnRules(): Promise<void> {
    const { db, push, accounts } = this.server.context
    await db.read(async (reader) => {
      for (const userId of this.users) {
        const ruleset = await push.rules.ruleset(reader, userId)
        this.#rules.set(userId, { ruleset, ignored: await accounts.accountData.ignoredUsers(reader, userId) })
      }
    })
  }

  async compare(): Promise<void> {
    const { db, push } = this.server.context
    const roomNid = this.#nid
    await db.read(async (reader) => {
      for (const userId of this.users) {
        const expected = this.model.unread(userId)
        const sum = [...expected.values()].reduce(([a, b], [n, h]) => [a + n, b + h], [0, 0])
        const whole = await push.counts(reader, userId, roomNid)
        assert.deepEqual([whole.notificationCount, whole.highlightCount], sum, `whole room of ${userId}`)
        const { main, threads } = await push.countsByThread(reader, userId, roomNid)
        const found = Object.entries({ main, ...threads })
          .map(([scope, count]) => [scope, [count.notificationCount, count.highlightCount]] as const)
          .filter(([scope, [n]]) => scope !== 'main' || n !== 0)
        assert.deepEqual(
          new Map(found),
          new Map([...expected].sort(([a]) => (a === 'main' ? -1 : 1))),
          `threads of ${userId}`,
        )
      }
    })
  }
}

testOnEngines('counts kept as rows equal a naive recount', async (_t, { engine }) => {
  await using server = await createTestServer({ engine })
  let run = 0
  const arrived: StoredEvent[] = []
  server.context.rooms.onPersist(async (_tx, batch) => void arrived.push(...batch.events))
  const property = fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 30 }), async (steps) => {
    run += 1
    const users: UserId[] = []
    for (let i = 0; i < 4; i++) users.push((await server.user(`user${i}-${run}`)).userId)
    const [creator] = users
    assert.ok(creator)
    const roomId = await server.context.rooms.create({ userId: creator }, { preset: 'public_chat' })
    const room = new Room(server, users, roomId, arrived)
    await room.follow()
    for (const index of [1, 2]) await room.do({ kind: 'join', who: index })
    for (const step of steps) {
      await room.do(step)
      await room.compare()
    }
  })
  await fc.assert(property, { numRuns: engine === 'sqlite' ? 60 : 10 })
})
