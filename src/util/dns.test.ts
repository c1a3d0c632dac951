import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSystemDns, DnsError } from './dns.ts'

test('names of this machine need no name server', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringback-dns-'))
  try {
    const hosts = join(folder, 'hosts')
    writeFileSync(hosts, '# a comment\n192.0.2.7 Matrix.Internal chat # more\n\n2001:db8::7\tmatrix.internal\n')
    const dns = createSystemDns(hosts)
    const both = [
      { address: '192.0.2.7', family: 4 },
      { address: '2001:db8::7', family: 6 },
    ]
    assert.deepEqual(await dns.addresses('matrix.internal'), both)
    assert.deepEqual(await dns.addresses('CHAT.'), [both[0]])
    assert.deepEqual(
      (await dns.addresses('a.localhost')).map(({ address }) => address),
      ['127.0.0.1', '::1'],
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

const typeOf = { A: 1, AAAA: 28 }
const [serverFailure, noSuchName, notImplemented] = [2, 3, 4] as const
/** By type of record: an address in bytes, a code of failure, or silence. */
type Answers = { readonly [type in keyof typeof typeOf]: Buffer | number | 'silence' }

/** Asks a name server of which each name has these answers. */
async function ask(answers: Answers, name: string) {
  const server = createSocket('udp4')
  server.on('message', (query, from) => {
    const type = query.readUInt16BE(questionEnd(query))
    const answer = type === typeOf.A ? answers.A : answers.AAAA
    if (answer !== 'silence') server.send(reply(query, type, answer), from.port, from.address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await createSystemDns('/none', [`127.0.0.1:${server.address().port}`]).addresses(name)
  } finally {
    server.close()
  }
}

/** Where the name in the question ends, behind which its type stands. */
function questionEnd(query: Buffer): number {
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) at += length + 1
  return at + 1
}

function reply(query: Buffer, type: number, answer: Buffer | number): Buffer {
  const question = query.subarray(12, questionEnd(query) + 4)
  const head = Buffer.alloc(12)
  query.copy(head, 0, 0, 2)
  head.writeUInt16BE(0x8180 | (typeof answer === 'number' ? answer : 0), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(typeof answer === 'number' ? 0 : 1, 6)
  if (typeof answer === 'number') return Buffer.concat([head, question])
  const record = Buffer.from([0xc0, 0x0c, 0, type, 0, 1, 0, 0, 0, 60, 0, answer.length])
  return Buffer.concat([head, question, record, answer])
}

test('one family of addresses suffices, whatever becomes of the other', async () => {
  const v4 = Buffer.from([192, 0, 2, 9])
  const v6 = Buffer.from('20010db8000000000000000000000009', 'hex')
  const [four, six] = [
    { address: '192.0.2.9', family: 4 },
    { address: '2001:db8::9', family: 6 },
  ] as const
  assert.deepEqual(await ask({ A: v4, AAAA: v6 }, 'hs1'), [four, six])
  for (const AAAA of [serverFailure, noSuchName, notImplemented, 'silence'] as const) {
    assert.deepEqual(await ask({ A: v4, AAAA }, 'hs1'), [four])
  }
  assert.deepEqual(await ask({ A: serverFailure, AAAA: v6 }, 'hs1'), [six])
  await assert.rejects(ask({ A: 'silence', AAAA: 'silence' }, 'hs1'), DnsError)
})

test('where a name server cannot tell, other sources of this machine are asked', async (t) => {
  const own = await lookup(hostname(), { all: true, verbatim: true }).catch(() => undefined)
  if (own === undefined) return t.skip('this machine does not know its own name')
  assert.deepEqual(await ask({ A: serverFailure, AAAA: serverFailure }, hostname()), own)
})
