import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../matrix/event.ts'
import { formatMxc } from '../../matrix/mxc.ts'
import { contentKindOf, mediaUses, replacedEvent } from './uses.ts'

const uses = (content: JsonObject, type = 'm.room.message', state_key?: string) =>
  Object.fromEntries(mediaUses({ type, content, state_key }).map(({ ref, kind }) => [formatMxc(ref), kind]))

test('media of messages is found wherever clients put it', () => {
  const content = {
    msgtype: 'm.image',
    body: 'mxc://a.example/mentioned',
    url: 'mxc://a.example/main',
    info: { thumbnail_url: 'mxc://a.example/small', thumbnail_file: { url: 'mxc://a.example/small2' } },
    'm.new_content': { file: { url: 'mxc://a.example/edited' } },
    'org.matrix.msc1767.file': { url: 'mxc://a.example/main' },
    list: [['mxc://a.example/in-list'], 5, null],
    wrong: 'see mxc://a.example/in-text',
  }
  assert.deepEqual(uses(content), {
    'mxc://a.example/main': 'message',
    'mxc://a.example/small': 'thumbnail',
    'mxc://a.example/small2': 'thumbnail',
    'mxc://a.example/edited': 'message',
    'mxc://a.example/in-list': 'message',
  })
})

test('pictures inside texts are media of the message, emotes are not', () => {
  const html = `<img src="mxc://a.example/inline"> <img data-mx-emoticon src='mxc://a.example/emote' height=32>
    mxc://a.example/text <a href="mxc://a.example/link">x</a> <img src="https://a.example/x">`
  assert.deepEqual(uses({ body: 'x', formatted_body: html }), {
    'mxc://a.example/inline': 'message',
    'mxc://a.example/emote': 'pinned',
  })
})

test('what belongs to looks is pinned', () => {
  assert.deepEqual(uses({ url: 'mxc://a.example/x' }, 'm.sticker'), { 'mxc://a.example/x': 'pinned' })
  assert.deepEqual(uses({ url: 'mxc://a.example/x' }, 'm.room.avatar', ''), { 'mxc://a.example/x': 'pinned' })
  assert.deepEqual(uses({ avatar_url: 'mxc://a.example/x' }, 'm.room.member', '@a:b'), {
    'mxc://a.example/x': 'pinned',
  })
  const reaction = { 'm.relates_to': { rel_type: 'm.annotation', event_id: '$x', key: 'mxc://a.example/x' } }
  assert.deepEqual(uses(reaction, 'm.reaction'), { 'mxc://a.example/x': 'pinned' })
  const both = { url: 'mxc://a.example/x', formatted_body: '<img data-mx-emoticon src="mxc://a.example/x">' }
  assert.deepEqual(uses(both), { 'mxc://a.example/x': 'pinned' })
})

test('odd contents show nothing, and cost little', () => {
  const odd: JsonObject[] = [{}, { url: 5 }, { url: 'mxc://' }, { url: 'mxc://a.example/..' }]
  for (const content of odd) assert.deepEqual(uses(content), {})
  let deep: JsonObject = { url: 'mxc://a.example/x' }
  for (let depth = 0; depth < 90; depth++) deep = { deep }
  assert.deepEqual(uses(deep), {})
  const many = Array.from({ length: 500 }, (_, i) => `mxc://a.example/x${i}`)
  assert.equal(Object.keys(uses({ many })).length, 20)
  assert.equal(Object.keys(uses({ many }, 'im.ponies.room_emotes', '')).length, 500)
})

test('edits and notes are told', () => {
  const edit = { 'm.relates_to': { rel_type: 'm.replace', event_id: '$x' } }
  assert.equal(replacedEvent({ type: 'm.room.message', content: edit }), '$x')
  assert.equal(replacedEvent({ type: 'm.room.topic', content: edit, state_key: '' }), undefined)
  const others: JsonObject[] = [{}, { 'm.relates_to': 5 }, { 'm.relates_to': { rel_type: 'm.thread', event_id: '$x' } }]
  for (const content of others) assert.equal(replacedEvent({ type: 'm.room.message', content }), undefined)
  const kind = (content: JsonObject) => contentKindOf({ type: 'm.room.message', content })
  assert.equal(kind({ msgtype: 'm.audio', 'io.ringback.note': {}, 'org.matrix.msc3245.voice': {} }), 'note')
  assert.equal(kind({ msgtype: 'm.image', 'io.ringback.note': true }), 'image')
  assert.equal(kind({ msgtype: 'm.image', 'io.ringback.ai_generated': { model: 'x' } }), 'ai_image')
  assert.equal(kind({ msgtype: 'm.audio', 'org.matrix.msc3245.voice': {} }), 'voice')
  assert.deepEqual([kind({ msgtype: 'm.video' }), kind({ msgtype: 'm.audio' }), kind({})], ['video', 'file', 'file'])
})
