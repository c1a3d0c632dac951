import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSystemDns } from './dns.ts'

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
