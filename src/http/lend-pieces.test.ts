import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { ClientGoneError } from './client-gone.ts'
import { lendBody } from './lend-pieces.ts'

const MiB = 1024 * 1024

/** A server that answers with what `take` makes of a body, and a connection to it. */
async function serve(t: TestContext, take: (pieces: AsyncIterable<Uint8Array>) => Promise<string>): Promise<Socket> {
  const server = createServer((incoming, outgoing) => {
    take(lendBody(incoming)).then(
      (result) => outgoing.end(result),
      (error: unknown) => outgoing.destroy(error instanceof Error ? error : undefined),
    )
  })
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.after(() => socket.destroy())
  return socket
}

const post = (length: number) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`
const last = 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

async function write(socket: Socket, piece: Buffer, times: number): Promise<void> {
  for (let n = 0; n < times; n++) if (!socket.write(piece)) await once(socket, 'drain')
}

test('a body comes whole, and its memory is free as soon as it has been seen', async (t) => {
  const piece = Buffer.alloc(MiB, 'body')
  let most = 0
  let former: Uint8Array | undefined
  const socket = await serve(t, async (pieces) => {
    let bytes = 0
    for await (const taken of pieces) {
      if (former) assert.equal(former.byteLength, 0)
      former = taken
      bytes += taken.length
      assert.equal(taken[0], piece[(bytes - taken.length) % piece.length])
      most = Math.max(most, process.memoryUsage().arrayBuffers)
    }
    return String(bytes)
  })
  const before = process.memoryUsage().arrayBuffers
  socket.write(post(300 * MiB))
  await write(socket, piece, 300)
  socket.write(last)
  assert.match(await text(socket), new RegExp(`^HTTP/1.1 200[\\s\\S]*\r\n${300 * MiB}[\\s\\S]*HTTP/1.1 200`))
  assert.ok(most - before < 4 * MiB, `${(most - before) / MiB} MiB`)
})

test('a body of single bytes is gathered while its pieces are written', async (t) => {
  let count = 0
  const socket = await serve(t, async (pieces) => {
    let whole = ''
    for await (const piece of pieces) {
      count++
      whole += Buffer.from(piece).toString('latin1')
      await new Promise(setImmediate)
    }
    return String(whole === 'ab'.repeat(20_000))
  })
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n')
  socket.write('1\r\na\r\n1\r\nb\r\n'.repeat(20_000))
  socket.write('0\r\n\r\n')
  assert.match(await text(socket), /true/)
  assert.ok(count < 100, `${count} pieces`)
})

test('what nobody wants any more holds up no other request', async (t) => {
  const socket = await serve(t, async (pieces) => {
    for await (const piece of pieces) return `first ${piece.length > 0}`
    return 'none'
  })
  socket.write(post(20 * MiB))
  await write(socket, Buffer.alloc(MiB), 20)
  socket.write(last)
  assert.match(await text(socket), /first true[\s\S]*none/)
})

test('whoever goes away in the middle is an error, and what came before is seen', async (t) => {
  const seen = Promise.withResolvers<number>()
  const failed = Promise.withResolvers<unknown>()
  const socket = await serve(t, async (pieces) => {
    try {
      for await (const piece of pieces) seen.resolve(piece.length)
    } catch (error) {
      failed.resolve(error)
    }
    return ''
  })
  socket.write(post(1000))
  socket.write('abc')
  assert.equal(await seen.promise, 3)
  socket.destroy()
  assert.ok((await failed.promise) instanceof ClientGoneError)
})
