import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { at } from './helpers/client.ts'
import { edit, listIds, react, redact, relate, relationsPath, reply, threadsPath } from './helpers/relations.ts'
import { publicRoom, send, setState } from './helpers/rooms.ts'
import { createTestServer, type TestServer, type TestUser } from './helpers/server.ts'
import type { SyncEvent } from './helpers/sync.ts'

let server: TestServer
let users: TestUser[]
before(async () => {
  server = await createTestServer()
  users = [await server.user('alice'), await server.user('bob')]
})
after(() => server.stop())

const kinds = ['message', 'reply', 'reference', 'reaction', 'edit', 'state', 'redact'] as const
const write = fc.record({
  by: fc.nat({ max: 1 }),
  kind: fc.constantFrom(...kinds),
  /** Which of the roots, or of the latest children, it is about. */
  target: fc.nat({ max: 3 }),
})
type Write = typeof write extends fc.Arbitrary<infer T> ? T : never

/** A room with four roots that its users write to. */
class Room {
  readonly id: string
  readonly roots: string[]
  readonly #children: string[] = []
  #states = 0

  private constructor(id: string, roots: string[]) {
    this.id = id
    this.roots = roots
  }

  static async create([alice, bob]: TestUser[]): Promise<Room> {
    assert.ok(alice && bob)
    const id = await publicRoom(alice, [bob])
    return new Room(id, [await send(alice, id, '0'), await send(bob, id, '1'), await send(alice, id, '2')])
  }

  async write({ by, kind, target }: Write): Promise<void> {
    const user = users[by]
    const root = this.roots[target % this.roots.length] ?? ''
    const child = this.#children.at(-1 - target) ?? root
    assert.ok(user)
    if (kind === 'message') await send(user, this.id, 'more')
    else if (kind === 'reply') this.#children.push(await reply(user, this.id, root))
    else if (kind === 'reference') this.#children.push(await relate(user, this.id, 'm.reference', child))
    else if (kind === 'reaction') this.#children.push(await react(user, this.id, child, String(this.#states++)))
    else if (kind === 'edit') this.#children.push(await edit(user, this.id, root))
    else if (kind === 'state') await this.#setState(root)
    else if (this.#children.length > 0) await redact(users[0] ?? user, this.id, this.#children.shift() ?? '')
  }

  async #setState(root: string): Promise<void> {
    const relation = { 'm.relates_to': { rel_type: 'm.reference', event_id: root } }
    if (users[0]) await setState(users[0], this.id, 'org.example.state', relation, String(this.#states++))
  }
}

/** All that `/messages` gives, page by page. */
async function listMessages(user: TestUser, roomId: string, dir: string, limit: number): Promise<string[]> {
  const found: string[] = []
  for (let from: string | undefined, first = true; first || from !== undefined; first = false) {
    const page = await user.get<{ chunk: SyncEvent[]; end?: string }>(at`/_matrix/client/v3/rooms/${roomId}/messages`, {
      dir,
      limit,
      from,
    })
    found.push(...page.chunk.map(({ event_id: id }) => id))
    from = page.end
  }
  return found
}

/** Everything that was there comes once and in order; what was written meanwhile may come, but once too. */
function assertEachOnce(
  found: readonly string[],
  expected: readonly string[],
  gone: ReadonlySet<string>,
  what: string,
) {
  assert.equal(new Set(found).size, found.length, `${what}: something came twice`)
  const there = new Set(expected)
  assert.deepEqual(
    found.filter((id) => there.has(id) && !gone.has(id)),
    expected.filter((id) => !gone.has(id)),
    what,
  )
}

test('pages give each event once in both directions, whatever is written meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(write, { minLength: 5, maxLength: 25 }),
      fc.array(write, { minLength: 5, maxLength: 15 }),
      fc.integer({ min: 1, max: 4 }),
      async (earlier, meanwhile, limit) => {
        const room = await Room.create(users)
        const [alice] = users
        const [root = ''] = room.roots
        assert.ok(alice)
        for (const one of earlier) await room.write(one)
        const sources: Record<string, (limit: number) => Promise<string[]>> = {
          'messages f': (n) => listMessages(alice, room.id, 'f', n),
          'messages b': (n) => listMessages(alice, room.id, 'b', n),
          'relations f': (n) => listIds(alice, relationsPath(room.id, root), { dir: 'f', limit: n }),
          'relations b': (n) => listIds(alice, relationsPath(room.id, root), { dir: 'b', limit: n }),
          'recursive f': (n) => listIds(alice, relationsPath(room.id, root), { dir: 'f', limit: n, recurse: true }),
          'recursive b': (n) => listIds(alice, relationsPath(room.id, root), { dir: 'b', limit: n, recurse: true }),
        }
        const expected = new Map<string, string[]>()
        for (const [name, list] of Object.entries(sources)) expected.set(name, await list(100))
        const threads = await listIds(alice, threadsPath(room.id), { limit: 100 })
        const writing = Promise.all(meanwhile.map((one) => room.write(one)))
        const isRedacting = meanwhile.some(({ kind }) => kind === 'redact')
        await Promise.all([
          writing,
          listIds(alice, threadsPath(room.id), { limit }).then((found) => {
            // A redacted reply moves its thread back, perhaps to where it comes again.
            if (!isRedacting) assertEachOnce(found, threads, new Set(), 'threads')
          }),
          ...Object.entries(sources).map(async ([name, list]) => {
            const found = await list(limit)
            // What is redacted no longer relates to anything, nor does what related to it.
            const kept = isRedacting && !name.startsWith('messages') ? new Set(await list(100)) : undefined
            const gone = new Set(kept ? (expected.get(name) ?? []).filter((id) => !kept.has(id)) : [])
            assertEachOnce(found, expected.get(name) ?? [], gone, name)
          }),
        ])
        for (const [name, list] of Object.entries(sources)) {
          const [some, all] = [await list(limit), await list(100)]
          assert.deepEqual(some, all, name)
        }
      },
    ),
    { numRuns: 8 },
  )
})
