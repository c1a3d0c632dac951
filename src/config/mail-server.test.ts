import assert from 'node:assert/strict'
import { test } from 'node:test'
import { derive, findConflicts } from './derive.ts'
import { mailServerOf } from './mail-server.ts'
import { configSchema } from './schema.ts'

const serverFor = (mail: object) =>
  mailServerOf(derive(configSchema.parse({ server_name: 'example.org:8448', mail }), '/'))

test('a mail server is given by its parts or in one line', () => {
  assert.equal(serverFor({}), undefined)
  const byParts = serverFor({ host: 'mail.example.org', user: 'u', password: 'p:/', encryption: 'tls', port: 465 })
  assert.deepEqual(serverFor({ url: 'smtps://u:p%3A%2F@mail.example.org:465' }), byParts)
  assert.deepEqual(byParts?.from, { name: 'Ringback', address: 'noreply@example.org' })
  assert.equal(byParts?.heloName, 'example.org')
})

test('the sender is an address with or without a name', () => {
  const from = (text: string) => serverFor({ host: 'h', from: text, app_name: 'Chat' })?.from
  assert.deepEqual(from('x@Example.org'), { name: 'Chat', address: 'x@example.org' })
  assert.deepEqual(from('"My Chat" <x@example.org>'), { name: 'My Chat', address: 'x@example.org' })
  for (const wrong of ['x', 'a@example.org, b@example.org', 'A <a@example.org> b']) assert.throws(() => from(wrong))
  assert.throws(() => serverFor({ url: 'https://example.org' }))
})

test('two providers of one name are one too many', () => {
  const provider = { id: 'x', name: 'X', issuer: 'https://x.example', client_id: 'x' }
  const config = derive(configSchema.parse({ sso: { providers: [provider, provider] } }), '/')
  assert.match(findConflicts(config).join(), /sso\.providers\[1\]\.id/)
})

test('two mail servers are one too many', () => {
  const config = derive(configSchema.parse({ mail: { host: 'a', url: 'smtp://b' } }), '/')
  assert.match(findConflicts(config).join(), /mail\.url and mail\.host/)
})
