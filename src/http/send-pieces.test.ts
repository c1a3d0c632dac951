import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { OwnStream, reply } from './reply.ts'
import { respond } from './respond.ts'

const MiB = 1024 * 1024

/** A file of so many pieces, each in memory of its own as a disk gives them; `made` says how many there were so far. */
function fileOf(pieces: number) {
  let made = 0
  const stream = new Readable({
    highWaterMark: 64 * 1024,
    read() {
      this.push(made < pieces ? Buffer.alloc(64 * 1024, (made++ % 50) + 48) : null)
    },
  })
  return { stream, made: () => made }
}

/** A server that answers once with a stream, and its errors. */
async function serve(t: TestContext, stream: Readable) {
  const errors: unknown[] = []
  const server = createServer((_incoming, outgoing) => {
    const onStreamError = (error: unknown) => void errors.push(error)
    const answer = reply(200, new OwnStream(stream), { Connection: 'close' })
    void respond(answer, { requestId: '1', isHead: false, outgoing, onStreamError })
  })
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { server, port: (server.address() as AddressInfo).port, errors }
}

const ask = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

test('a stream comes whole, and its memory is free as soon as it is sent', async (t) => {
  const { stream, made } = fileOf(4800)
  const { port } = await serve(t, stream)
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  let bytes = 0
  const memory = Buffer.alloc(256 * 1024)
  const onread = {
    buffer: memory,
    callback: (count: number) => {
      bytes += count
      most = Math.max(most, process.memoryUsage().arrayBuffers)
      return true
    },
  }
  const socket = connect({ port, host: '127.0.0.1', onread })
  socket.write(ask)
  await once(socket, 'close')
  assert.equal(made(), 4800)
  assert.ok(bytes > 300 * MiB)
  assert.ok(most - before < 6 * MiB, `${(most - before) / MiB} MiB`)
})

test('every byte arrives in its place', async (t) => {
  const { port } = await serve(t, fileOf(50).stream)
  const [answer] = await once(get({ port, host: '127.0.0.1' }), 'response')
  const expected = Buffer.concat(await fileOf(50).stream.toArray())
  assert.ok(Buffer.concat(await answer.toArray()).equals(expected))
})

test('whoever stops reading holds little, and is cut off in the end', async (t) => {
  const { stream, made } = fileOf(16_384)
  const { server, port, errors } = await serve(t, stream)
  const accepted = once(server, 'connection')
  const client = connect(port, '127.0.0.1')
  t.after(() => client.destroy())
  client.write(ask)
  const [served] = await accepted
  await once(client, 'data')
  client.pause()
  // Nothing more is read once the buffers of the system are full.
  for (let former = -1; made() > former; ) {
    former = made()
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
  }
  assert.ok(made() * 64 < 32 * 1024, `${made()} pieces of 1 GB`)
  assert.equal(served.timeout, 60_000)
  const closed = once(stream, 'close')
  served.emit('timeout')
  await closed
  assert.equal(errors.length, 1)
})

test('a stream that fails cuts the connection, and a client that goes away ends the stream', async (t) => {
  const failing = new Readable({ read() {} })
  const first = await serve(t, failing)
  failing.push(Buffer.alloc(1000))
  const [answer] = await once(get({ port: first.port, host: '127.0.0.1' }), 'response')
  await once(answer, 'readable')
  failing.destroy(new Error('disk fault'))
  await assert.rejects(answer.toArray())
  assert.deepEqual(first.errors, [new Error('disk fault')])
  const waiting = new Readable({ read() {} })
  const second = await serve(t, waiting)
  const asked = get({ port: second.port, host: '127.0.0.1' })
  waiting.push(Buffer.alloc(1000))
  await once(asked, 'response')
  asked.destroy()
  await once(waiting, 'close')
})
