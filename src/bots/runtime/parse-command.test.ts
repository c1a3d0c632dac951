import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCommand } from './parse-command.ts'

const parse = (body: string, isBare = false) => parseCommand(body, { localpart: 'voicemail', isBare })

test('commands are written with a sign, or alone where only the bot listens', () => {
  for (const body of ['!prompts off', '/prompts off', '//prompts  off ', '!PROMPTS@voicemail off']) {
    assert.deepEqual(parse(body), { name: 'prompts', rest: 'off', args: ['off'] }, body)
  }
  assert.deepEqual(parse('prompts off @bob:localhost', true), {
    name: 'prompts',
    rest: 'off @bob:localhost',
    args: ['off', '@bob:localhost'],
  })
  assert.deepEqual(parse('!inbox'), { name: 'inbox', rest: '', args: [] })
})

test('what is no command, or one for another bot, is none', () => {
  for (const body of [
    'prompts off',
    '! prompts',
    '!!x',
    '!prompts@assistant off',
    '',
    'hello, world',
    '///x',
    '5 apples',
  ]) {
    assert.equal(parse(body), undefined, body)
  }
  for (const body of ['!', '…', '>quote']) assert.equal(parse(body, true), undefined, body)
})

test('what a reply quotes is not read', () => {
  assert.equal(parse('> <@bob:localhost> !inbox\n\nthanks'), undefined)
  assert.equal(parse('> <@bob:localhost> hello\n\n!inbox')?.name, 'inbox')
})
