import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alice, bob, pdu } from '../../../test/helpers/room-events.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { EventId } from '../../matrix/ids.ts'
import { byRecency, isValidEdit } from './edits.ts'

const message = (content: JsonObject = {}, sender = alice) => pdu('m.room.message', { sender, content })
const edit = (sender = alice) => message({ 'm.new_content': {} }, sender)

test('an edit is of the same sender and type, has new content, and edits no edit', () => {
  assert.ok(isValidEdit(message(), edit()))
  assert.ok(!isValidEdit(message(), edit(bob)))
  assert.ok(!isValidEdit(message(), message()))
  assert.ok(!isValidEdit(message(), message({ 'm.new_content': ['text'] })))
  assert.ok(!isValidEdit(pdu('m.sticker'), edit()))
  assert.ok(!isValidEdit(message({ 'm.relates_to': { rel_type: 'm.replace' } }), edit()))
  assert.ok(isValidEdit(message({ 'm.relates_to': { rel_type: 'm.thread' } }), edit()))
  assert.ok(!isValidEdit(pdu('m.room.message', { state_key: '' }), edit()))
  assert.ok(!isValidEdit(message(), pdu('m.room.message', { state_key: '', content: { 'm.new_content': {} } })))
  assert.ok(isValidEdit(pdu('m.room.encrypted'), pdu('m.room.encrypted')))
})

test('the most recent edit is the latest, of equal times that with the largest id', () => {
  const at = (eventId: string, ts: number) => ({
    eventId: eventId as EventId,
    pdu: pdu('m.room.message', { origin_server_ts: ts }),
  })
  const sorted = [at('$a', 1), at('$c', 2), at('$b', 2), at('$d', 1)].sort(byRecency)
  assert.deepEqual(
    sorted.map(({ eventId }) => eventId),
    ['$c', '$b', '$d', '$a'],
  )
})
