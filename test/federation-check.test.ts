import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { runCli } from '../src/cli/run.ts'
import { createFederatedServer } from './helpers/federation/servers.ts'
import { localAuthority, withoutOpenssl } from './helpers/federation/test-authority.ts'
import { freePort } from './helpers/program.ts'

test('how another server is found, and what is wrong with it', { skip: withoutOpenssl }, async (t) => {
  await using server = await createFederatedServer()
  const { caFile, local } = localAuthority()
  const file = join(server.dataDir, 'check.yaml')
  const check = async (name: string, config: object = { federation: { extra_ca_file: caFile } }) => {
    const data = join(server.dataDir, 'other')
    writeFileSync(file, JSON.stringify({ data_dir: data, outbound: { allow_private_addresses: true }, ...config }))
    let printed = ''
    const sink = { write: (text: string) => (printed += text) }
    const io = { stdin: Readable.from([]), stdout: sink, stderr: sink }
    const code = await runCli(['federation', 'check', name, '--config', file], io)
    return { code, printed }
  }

  await t.test('a server that is as it should be', async () => {
    const { code, printed } = await check(server.serverName)
    assert.equal(code, 0, printed)
    const key = server.context.signingKeys[0].keyId
    for (const part of ['names its port', 'answers over TLS', 'clock', key, 'It runs Ringback']) {
      assert.ok(printed.includes(part), `${part} in ${printed}`)
    }
    assert.ok(!printed.includes('WRONG'))
  })

  await t.test('a certificate by somebody who is not trusted', async () => {
    const { code, printed } = await check(server.serverName, {})
    assert.equal(code, 1)
    assert.match(printed, /WRONG .*cannot be asked: .*certificate/)
  })

  await t.test('nobody there, a name that is none, a server that is forbidden', async () => {
    assert.match((await check(`localhost:${await freePort()}`)).printed, /WRONG .*ECONNREFUSED/)
    assert.match((await check('https://example.org/')).printed, /WRONG .*not the name of a Matrix server/)
    const denied = await check(server.serverName, {
      federation: { extra_ca_file: caFile, denied_servers: ['localhost'] },
    })
    assert.match(denied.printed, /WRONG .*forbids/)
    assert.equal(denied.code, 1)
  })

  await t.test('keys of another server, keys that are malformed, a clock that is wrong', async () => {
    const port = await freePort()
    let body: object = {}
    const host = createServer({ cert: local.cert, key: local.key }, (_request, response) => {
      response.setHeader('Date', 'Thu, 01 Jan 2015 00:00:00 GMT')
      response.end(JSON.stringify(body))
    })
    await new Promise<void>((resolve) => host.listen(port, '127.0.0.1', resolve))
    try {
      assert.match((await check(`localhost:${port}`)).printed, /WRONG .*clock.* seconds apart/)
      assert.match((await check(`localhost:${port}`)).printed, /WRONG .*speaks for nobody/)
      body = { server_name: 'elsewhere.test' }
      assert.match((await check(`localhost:${port}`)).printed, /WRONG .*speaks for elsewhere.test/)
      body = { server_name: `localhost:${port}`, verify_keys: {}, valid_until_ts: 1 }
      assert.match((await check(`localhost:${port}`)).printed, /WRONG .*malformed/)
    } finally {
      host.close()
      host.closeAllConnections()
    }
  })
})
