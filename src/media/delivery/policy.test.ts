import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentKinds, type DeliveryPolicy, digestOf, keepLongest, ruleFor } from './policy.ts'

const day = 86_400_000
const policy: DeliveryPolicy = { scope: 'notes', grace: undefined, maxLifetime: undefined, redactedGrace: day }
const after = { kind: 'after_delivery' } as const
const keep = { kind: 'keep' } as const

test('without a choice notes go after a week or a month, pictures by models after three, and the rest never', () => {
  const rules = new Map(contentKinds.map((kind) => [kind, ruleFor(policy, kind)]))
  const note = { isDeleted: true, grace: 7 * day, serverGrace: 7 * day, maxLifetime: 30 * day }
  const kept = { isDeleted: false, grace: 30 * day, serverGrace: 30 * day, maxLifetime: undefined }
  assert.deepEqual(rules.get('note'), note)
  assert.deepEqual(rules.get('ai_image'), { ...kept, maxLifetime: 90 * day })
  for (const kind of ['voice', 'image', 'video', 'file'] as const) assert.deepEqual(rules.get(kind), kept)
  assert.deepEqual(ruleFor({ ...policy, scope: 'all' }, 'image'), { ...kept, isDeleted: true })
  const own = { ...policy, scope: 'all', grace: 5, maxLifetime: 50, serverGrace: 9 } as const
  assert.deepEqual(ruleFor(own, 'video'), { isDeleted: true, grace: 5, serverGrace: 9, maxLifetime: 50 })
})

test('a room goes before its people, these before the kind, and that before the scope', () => {
  const kinds = { voice: { ...after, grace: 3, maxLifetime: 30 } }
  assert.deepEqual(ruleFor({ ...policy, kinds }, 'voice'), {
    isDeleted: true,
    grace: 3,
    serverGrace: 3,
    maxLifetime: 30,
  })
  assert.equal(ruleFor({ ...policy, kinds }, 'voice', { user: keep }).isDeleted, false)
  const both = ruleFor(policy, 'voice', { user: { ...after, grace: 1, maxLifetime: 10 }, room: { grace: 2 } })
  assert.deepEqual(both, { isDeleted: true, grace: 2, serverGrace: 2, maxLifetime: 10 })
  assert.equal(ruleFor(policy, 'note', { user: after, room: keep }).isDeleted, false)
  assert.equal(ruleFor(policy, 'note', { user: keep, room: after }).maxLifetime, 30 * day)
  assert.equal(ruleFor(policy, 'note', { room: keep }).maxLifetime, undefined)
})

test('choices are kept between the bounds of the server, and where it deletes nothing they say nothing', () => {
  const bounds = { minGrace: 10, maxGrace: 20, minLifetime: 100, maxLifetime: 200 }
  const choose = (grace: number, maxLifetime: number) =>
    ruleFor({ ...policy, bounds }, 'image', { room: { ...after, grace, maxLifetime } })
  assert.deepEqual([choose(0, 0).grace, choose(0, 0).maxLifetime], [10, 100])
  assert.deepEqual([choose(99, 999).grace, choose(99, 999).maxLifetime], [20, 200])
  assert.equal(ruleFor({ ...policy, bounds }, 'note', { room: keep }).maxLifetime, 200)
  const none = ruleFor({ ...policy, scope: 'none' }, 'note', { room: after, user: after })
  assert.deepEqual([none.isDeleted, none.maxLifetime], [false, undefined])
})

test('of several messages the one that keeps longest counts', () => {
  const short = { isDeleted: true, grace: 1, serverGrace: 9, maxLifetime: 3 }
  const long = { isDeleted: true, grace: 5, serverGrace: 5, maxLifetime: 7 }
  assert.deepEqual(keepLongest([short, long]), { isDeleted: true, grace: 5, serverGrace: 9, maxLifetime: 7 })
  assert.equal(keepLongest([short, { ...long, isDeleted: false }]).isDeleted, false)
  assert.equal(keepLongest([short, { ...long, maxLifetime: undefined }]).maxLifetime, undefined)
})

test('another policy has another digest', () => {
  assert.equal(digestOf(policy), digestOf({ ...policy }))
  assert.notEqual(digestOf(policy), digestOf({ ...policy, grace: 1 }))
})
