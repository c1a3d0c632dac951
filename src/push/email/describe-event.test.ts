import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject, Pdu } from '../../matrix/event.ts'
import { describeEvent } from './describe-event.ts'

const say = (type: string, content: JsonObject, others: object = {}) =>
  `Alice${describeEvent({ type, content, sender: '@alice:localhost', ...others } as Pdu, '@bob:localhost')}`

test('events are named in a few words', () => {
  assert.equal(say('m.room.message', { msgtype: 'm.text', body: 'Hello\n you' }), 'Alice: Hello you')
  assert.equal(say('m.room.message', { msgtype: 'm.emote', body: 'waves' }), 'Alice waves')
  assert.equal(say('m.room.message', { msgtype: 'm.image', body: 'cat.png' }), 'Alice sent a picture: cat.png')
  assert.equal(
    say('m.room.message', { msgtype: 'm.file', body: 'the plan', filename: 'plan.pdf' }),
    'Alice sent a file: plan.pdf',
  )
  assert.equal(say('m.room.encrypted', { ciphertext: 'x', body: 'secret' }), 'Alice sent an encrypted message')
  const invitation = { state_key: '@bob:localhost' }
  assert.equal(say('m.room.member', { membership: 'invite' }, invitation), 'Alice invited you')
})

test('content that is anything is no error, and as long as a line', () => {
  for (const content of [
    {},
    { body: 7 },
    { body: '', msgtype: [] },
    null as unknown as JsonObject,
    { msgtype: 'toString' },
  ]) {
    assert.equal(say('m.room.message', content), 'Alice sent a message')
  }
  for (const type of ['constructor', 'x.y', '__proto__']) {
    assert.equal(say(type, {}), 'Alice did something that a mail cannot show')
  }
  assert.ok(say('m.room.message', { msgtype: 'm.text', body: 'x'.repeat(60_000) }).length < 400)
})
