/** Whatever another server sends, the answer is one that the specification knows, and the rooms stay as they were. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject, Pdu } from '../src/matrix/event.ts'
import { createLog } from '../src/util/log.ts'
import { at } from './helpers/client.ts'
import { stateOf } from './helpers/federation/network.ts'
import { createPeer, type Peer } from './helpers/federation/peer.ts'
import { asJson } from './helpers/federation/peer-joining.ts'
import { createFederatedServer, type FederatedServer } from './helpers/federation/servers.ts'
import { type SharedRoom, settle, shareRoom } from './helpers/federation/shared-room.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'

const options = { skip: withoutOpenssl, timeout: 180_000 }
let server: FederatedServer
let peer: Peer
/** What the server has logged of unexpected errors. */
const errors: string[] = []

before(async () => {
  if (withoutOpenssl) return
  server = await createFederatedServer({
    log: createLog({ level: 'error', format: 'json', write: (line) => errors.push(line) }),
  })
  peer = await createPeer()
})
after(async () => {
  await server?.stop()
  await peer?.stop()
})

let txn = 0
const transactionPath = () => `/_matrix/federation/v1/send/fuzz${++txn}`

/** Sends what may be anything, and checks that the answer is a success or a client's error. */
async function sendAnything(body: JsonObject): Promise<number> {
  const { status } = await peer.request(server.serverName, 'PUT', transactionPath(), { body })
  assert.ok(
    status === 200 || (status >= 400 && status < 500),
    `${status} for ${JSON.stringify(body)}: ${errors.at(-1)}`,
  )
  return status
}

/** What can be signed: numbers beyond canonical JSON are a matter of the tests for requests. */
const anyJson: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(null, true, false),
    fc.maxSafeInteger(),
    fc.string(),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('json'), { maxKeys: 4 }),
  ),
})).json

test('transactions of any shape', options, async () => {
  const shape = fc.record(
    {
      origin: fc.oneof(anyJson, fc.constant<Json>(peer.serverName)),
      origin_server_ts: fc.oneof(anyJson, fc.constant<Json>(1)),
      pdus: fc.oneof(anyJson, fc.array(anyJson, { maxLength: 3 })),
      edus: fc.oneof(anyJson, fc.array(fc.record({ edu_type: knownEdu, content: anyJson }), { maxLength: 5 })),
    },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(shape, async (body) => {
      await sendAnything(body as JsonObject)
    }),
    { numRuns: 120 },
  )
})

const knownEdu = fc.constantFrom(
  'm.typing',
  'm.receipt',
  'm.presence',
  'm.device_list_update',
  'm.direct_to_device',
  'm.signing_key_update',
  'org.example.unknown',
)

test('EDUs of known types with odd contents', options, async () => {
  const shared = await shareRoom(server, peer)
  const value = fc.oneof(anyJson, fc.constantFrom<Json>(shared.roomId, shared.bob, shared.alice.userId))
  const content = fc.dictionary(
    fc.constantFrom(
      ...['room_id', 'user_id', 'typing', 'push', 'sender', 'type', 'message_id', 'messages', 'device_id', 'stream_id'],
      ...['prev_id', 'deleted', 'keys', 'master_key', 'self_signing_key', shared.roomId, shared.bob],
    ),
    value,
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ edu_type: knownEdu, content }), { maxLength: 10 }), async (edus) => {
      const status = await sendAnything({ origin: peer.serverName, origin_server_ts: 1, pdus: [], edus } as JsonObject)
      assert.equal(status, 200)
    }),
    { numRuns: 120 },
  )
  await settle(peer, server, shared)
})

type Change = readonly [field: string, value: Json | undefined]

const change = (shared: SharedRoom): fc.Arbitrary<Change> =>
  fc.tuple(
    fc.constantFrom(
      ...[
        'type',
        'sender',
        'content',
        'origin_server_ts',
        'depth',
        'prev_events',
        'auth_events',
        'room_id',
        'state_key',
      ],
      ...['hashes', 'signatures', 'unsigned', 'event_id', 'redacts', 'origin'],
    ),
    fc.oneof(
      anyJson,
      fc.constant(undefined),
      fc.constantFrom<Json>(shared.roomId, shared.bob, shared.alice.userId, 'm.room.power_levels', 'm.room.member', ''),
      fc.constantFrom<Json>(-1, 0, 2 ** 53 - 1, [], {}, { membership: 'ban' }, { membership: 'join' }),
      fc.constant([...shared.room.graph.events.keys()].slice(0, 3) as Json),
    ),
  )

/** An event of bob's with some fields changed, before it was signed or after. */
function bend(shared: SharedRoom, changes: readonly Change[], isSigned: boolean): Pdu {
  const { room, bob } = shared
  const apply = (pdu: Pdu): Pdu => {
    const bent = { ...asJson(pdu) }
    for (const [field, value] of changes) {
      if (value === undefined) delete bent[field]
      else bent[field] = value
    }
    return bent as unknown as Pdu
  }
  const draft = room.draft(bob, 'm.room.message', { msgtype: 'm.text', body: 'bent' })
  if (!isSigned) return apply(room.sign(draft).pdu)
  try {
    return room.sign(apply(draft)).pdu
  } catch {
    // Not even we can sign it.
    return apply(room.sign(draft).pdu)
  }
}

for (const version of ['1', '3', '6', '10', '12']) {
  test(`events of version ${version} with odd fields leave the room’s state as it was`, options, async () => {
    const shared = await shareRoom(server, peer, { room_version: version })
    const before = await stateOf(shared.alice, shared.roomId)
    const bent = fc
      .tuple(fc.array(change(shared), { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([changes, isSigned]) => bend(shared, changes, isSigned))
    await fc.assert(
      fc.asyncProperty(fc.array(bent, { minLength: 1, maxLength: 3 }), async (pdus) => {
        const pduJson = pdus.map(asJson)
        await sendAnything({ origin: peer.serverName, origin_server_ts: 1, pdus: pduJson })
      }),
      { numRuns: 120 },
    )
    await settle(peer, server, shared)
    const after = await stateOf(shared.alice, shared.roomId)
    // Bob may have changed what is his own: his membership.
    delete before[`m.room.member ${shared.bob}`]
    delete after[`m.room.member ${shared.bob}`]
    assert.deepEqual(after, before)
  })
}

const stateTypes = [
  ...[
    'm.room.name',
    'm.room.topic',
    'm.room.avatar',
    'm.room.canonical_alias',
    'm.room.join_rules',
    'm.room.encryption',
  ],
  ...['m.room.history_visibility', 'm.room.guest_access', 'm.room.tombstone', 'm.room.pinned_events'],
  ...[
    'm.room.third_party_invite',
    'm.space.child',
    'm.space.parent',
    'm.room.aliases',
    'm.room.policy',
    'm.call.member',
  ],
]
const contentKeys = [
  ...['name', 'topic', 'url', 'alias', 'alt_aliases', 'join_rule', 'allow', 'algorithm', 'history_visibility', 'via'],
  ...['guest_access', 'allow', 'replacement_room', 'pinned', 'm.topic', 'order', 'suggested'],
  ...[
    'm.relates_to',
    'm.mentions',
    'displayname',
    'avatar_url',
    'reason',
    'is_direct',
    'm.new_content',
    'body',
    'msgtype',
  ],
]

test('odd contents by somebody who may write them break no client’s requests', options, async () => {
  const creation = { power_level_content_override: { state_default: 0, events: {} } }
  const shared = await shareRoom(server, peer, creation)
  const { room, bob, alice, roomId } = shared
  const odd = fc.record({
    type: fc.constantFrom(...stateTypes, 'm.room.message', 'm.reaction', 'm.room.encrypted', 'm.room.redaction'),
    content: fc.dictionary(
      fc.constantFrom(...contentKeys),
      fc.oneof(
        anyJson,
        fc.string().map((text): Json => text),
      ),
    ),
    isState: fc.boolean(),
  })
  const mustWork = async (method: string, path: string, body?: object) => {
    const { status, text } = await alice.request(method, path, { unchecked: true, ...(body && { body }) })
    assert.ok(status < 500, `${status} for ${path}: ${text} ${errors.at(-1)}`)
  }
  await fc.assert(
    fc.asyncProperty(odd, async ({ type, content, isState }) => {
      const event = room.build(bob, type, content as JsonObject, isState ? { stateKey: '' } : {})
      if (!room.check(event.pdu).allowed) return
      room.graph.add(event)
      await peer.send(server.serverName, [event.pdu])
      const base = at`/_matrix/client/v3/rooms/${roomId}`
      await mustWork('GET', '/_matrix/client/v3/sync')
      await mustWork('GET', `${base}/messages?dir=b&limit=5`)
      await mustWork('GET', at`/_matrix/client/v1/rooms/${roomId}/hierarchy`)
      await mustWork('GET', at`/_matrix/client/v1/room_summary/${roomId}`)
      await mustWork('PUT', `${base}/send/m.room.message/odd${++txn}`, { msgtype: 'm.text', body: 'still here' })
      await mustWork('GET', `${base}/members`)
    }),
    { numRuns: 60 },
  )
  assert.deepEqual(errors, [])
  await settle(peer, server, shared)
})
