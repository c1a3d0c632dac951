import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ConfigError } from '../../config/config-error.ts'
import { readRegistrations } from './read-registrations.ts'

const irc = `
# A file as bridges write it.
id: irc
url: "http://127.0.0.1:9999/"
as_token: as_secret
hs_token: hs_secret
sender_localpart: _irc_bot
rate_limited: false
namespaces:
  users:
    - exclusive: true
      regex: '@_irc_.*:example\\.org'
      group_id: +irc:example.org
  aliases:
    - {exclusive: false, regex: '#_irc_.*'}
protocols: [irc]
de.sorunome.msc2409.push_ephemeral: true
org.matrix.msc3202: true
io.element.msc4190: true
some.other.key: {}
`

function folderOf(t: TestContext): (name: string, text: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'ringback-registrations-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return (name, text) => {
    const file = join(folder, name)
    writeFileSync(file, text)
    return file
  }
}

function problemsOf(...files: string[]): readonly string[] {
  try {
    readRegistrations(files)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('a file as bridges ship it is read', (t) => {
  const write = folderOf(t)
  const [registration] = readRegistrations([write('irc.yaml', irc)])
  assert.ok(registration)
  const { namespaces, ...rest } = registration
  assert.deepEqual(rest, {
    id: 'irc',
    url: 'http://127.0.0.1:9999',
    asToken: 'as_secret',
    hsToken: 'hs_secret',
    senderLocalpart: '_irc_bot',
    isRateLimited: false,
    protocols: ['irc'],
    receivesEphemeral: true,
    receivesDeviceNews: true,
    managesDevices: true,
    takesNotes: false,
  })
  assert.deepEqual(
    namespaces.users.map(({ isExclusive, regex }) => [isExclusive, regex]),
    [[true, '@_irc_.*:example\\.org']],
  )
  assert.equal(namespaces.users[0]?.matches('@_irc_bob:example.org'), true)
  assert.equal(namespaces.users[0]?.matches('@not_irc_bob:example.org'), false)
  assert.equal(namespaces.aliases[0]?.matches('#_irc_x:example.org'), true)
  assert.deepEqual(namespaces.rooms, [])
})

test('what a file leaves out has its default', (t) => {
  const write = folderOf(t)
  const file = write(
    'min.json',
    '{"id":"a","url":null,"as_token":"a","hs_token":"h","sender_localpart":"b","namespaces":{}}',
  )
  const [registration] = readRegistrations([file])
  assert.equal(registration?.url, undefined)
  assert.equal(registration?.isRateLimited, true)
  assert.equal(registration?.receivesEphemeral, false)
  assert.deepEqual(registration?.namespaces, { users: [], rooms: [], aliases: [] })
})

test('each fault is one sentence with the file, the key and what to write', (t) => {
  const write = folderOf(t)
  const cases: [from: string | RegExp, to: string, expected: RegExp][] = [
    [/id: irc\n/, '', /irc\.yaml: id is missing; give each application service a name of its own\.$/],
    ['id: irc', 'id: 7', /id is 7, but must be text \(put it in quotes\)\.$/],
    [/url: .*\n/, '', /url is missing; write the address of the application service, or null/],
    [/url: .*\n/, 'url: localhost:9999\n', /url is "localhost:9999", but must be an address such as http/],
    [/url: .*\n/, 'url: http://u:p@h\n', /must be an address such as/],
    [/as_token: .*\n/, '', /as_token is missing; write the secret that the application service sends/],
    [/as_token: .*\n/, 'as_token: 12345\n', /as_token is set, but must be text \(put it in quotes\)\.$/],
    [/hs_token: .*\n/, 'hs_token: ""\n', /hs_token is set, but must not be empty\.$/],
    [/sender_localpart: .*\n/, '', /sender_localpart is missing; write the name of its own user/],
    ['_irc_bot', '"@irc:example.org"', /sender_localpart is "@irc:example\.org", but must be the part of a user id/],
    ['rate_limited: false', 'rate_limited: no thanks', /rate_limited is "no thanks", but must be true or false\.$/],
    [/namespaces:[\s\S]*protocols/, 'protocols', /namespaces is missing; write the lists users, rooms and aliases/],
    ['exclusive: true\n      ', '', /namespaces\.users\[0\]\.exclusive is missing; write true if nobody else/],
    ['exclusive: true', 'exclusive: "true"', /namespaces\.users\[0\]\.exclusive is "true", but must be true or false/],
    [/regex: '@.*\n/, '\n', /namespaces\.users\[0\]\.regex is missing; write a regular expression/],
    [
      '@_irc_.*',
      '@_irc_(',
      /namespaces\.users\[0\]\.regex is ".*", but must be in the syntax of RE2 \(missing closing \)/,
    ],
    ['@_irc_.*', '@(?!bot)', /regex is ".*", but must be in the syntax of RE2, which has no look-ahead/],
    ['@_irc_.*', '@(?<=a)b', /which has no look-behind/],
    ['@_irc_.*', '@(a)\\1', /which has no back-references/],
    ['@_irc_.*', '(a{1000}){1000}', /must be in the syntax of RE2 \(invalid repeat count/],
    ['@_irc_.*', 'a'.repeat(4001), /must not be longer than 4000 characters/],
    ['protocols: [irc]', 'protocols: irc', /protocols is "irc", but must be a list\.$/],
    [/[\s\S]*/, 'id: [', /irc\.yaml is not valid YAML: .*\.$/],
    [/[\s\S]*/, '- id: irc', /irc\.yaml must hold keys and values such as "id: irc"\.$/],
    [/[\s\S]*/, '', /irc\.yaml must hold keys and values/],
  ]
  for (const [from, to, expected] of cases) {
    const text = irc.replace(from, () => to)
    assert.notEqual(text, irc, String(from))
    const problems = problemsOf(write('irc.yaml', text))
    assert.equal(problems.length, 1, `${from}: ${problems.join('\n')}`)
    assert.match(problems[0] ?? '', expected)
    assert.ok(!problems[0]?.includes('_secret'), 'a secret is shown')
  }
  assert.match(
    problemsOf('/nowhere/irc.yaml')[0] ?? '',
    /The registration file \/nowhere\/irc\.yaml does not exist; correct/,
  )
})

test('two services are told apart by id and token, and all faults are listed at once', (t) => {
  const write = folderOf(t)
  const problems = problemsOf(
    write('a.yaml', irc),
    write('b.yaml', irc),
    write('c.yaml', irc.replace('id: irc', 'id: x')),
  )
  assert.equal(problems.length, 3)
  assert.match(problems[0] ?? '', /b\.yaml: id is "irc" like that of .*a\.yaml; give one of them another name\.$/)
  assert.match(problems[1] ?? '', /b\.yaml: as_token is that of .*a\.yaml; make a new one/)
  assert.match(problems[2] ?? '', /c\.yaml: as_token is that of .*a\.yaml/)
})

test('an expression that explodes elsewhere takes linear time', (t) => {
  const write = folderOf(t)
  const [registration] = readRegistrations([write('irc.yaml', irc.replace('@_irc_.*', '@(x+x+)+y'))])
  assert.equal(registration?.namespaces.users[0]?.matches(`@${'x'.repeat(250)}`), false)
})
