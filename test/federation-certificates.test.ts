import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { type Certificate, createAuthority } from './helpers/federation/certificates.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { freePort, temporaryFolder } from './helpers/program.ts'
import { startServerProcess } from './helpers/server-process.ts'

test('SIGHUP has other servers see the new certificate', { skip: withoutOpenssl, timeout: 60_000 }, async (t) => {
  using authority = createAuthority()
  const folder = temporaryFolder(t)
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const install = ({ certFile, keyFile }: Certificate) => {
    copyFileSync(certFile, files.cert)
    copyFileSync(keyFile, files.key)
  }
  const [first, second] = [authority.issue('localhost'), authority.issue('localhost')]
  install(first)
  const port = await freePort()
  const server = await startServerProcess(t, {
    env: {
      RINGBACK__SERVER_NAME: `localhost:${port}`,
      RINGBACK__LISTENERS__1__PORT: String(port),
      RINGBACK__LISTENERS__1__TLS__CERT_FILE: files.cert,
      RINGBACK__LISTENERS__1__TLS__KEY_FILE: files.key,
    },
  })
  const shown = async () => {
    const socket: TLSSocket = connect({ host: 'localhost', port, ca: authority.ca })
    await once(socket, 'secureConnect')
    const { raw } = socket.getPeerCertificate()
    socket.destroy()
    return pem(raw)
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority.ca })
  t.after(() => agent.destroy())
  /** A request of a server that keeps its connection. */
  const ask = () =>
    new Promise<{ status: number | undefined; isReused: boolean }>((resolve, reject) => {
      const request = get({ host: 'localhost', port, path: '/_matrix/federation/v1/version', agent }, (response) => {
        response.resume().on('end', () => resolve({ status: response.statusCode, isReused: request.reusedSocket }))
      }).on('error', reject)
    })

  assert.equal(await shown(), text(first))
  assert.deepEqual(await ask(), { status: 200, isReused: false })

  install(second)
  process.kill(server.pid, 'SIGHUP')
  await server.program.printed(/SIGHUP: certificates and registration files were read again/)
  assert.equal(await shown(), text(second))
  assert.deepEqual(await ask(), { status: 200, isReused: true }, 'connections that exist go on')

  writeFileSync(files.cert, 'no certificate')
  process.kill(server.pid, 'SIGHUP')
  await server.program.printed(/SIGHUP: (?!certificates and)/)
  assert.equal(await shown(), text(second), 'what is wrong changes nothing')
  assert.equal(await server.stop(), 0)
})

const pem = (der: Buffer) => der.toString('base64')
const text = ({ cert }: Certificate) => cert.replace(/-----[^-]+-----|\s/g, '')
