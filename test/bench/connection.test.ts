import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { test } from 'node:test'
import { Connection } from '../../bench/http/connection.ts'
import { Pool } from '../../bench/http/pool.ts'
import { ResponseParser } from '../../bench/http/response-parser.ts'

async function withHttp(listener: RequestListener, work: (address: { host: string; port: number }) => Promise<void>) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  try {
    await work({ host: '127.0.0.1', port: address.port })
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

test('a response is understood in whatever pieces it arrives', () => {
  const body = 'x'.repeat(40)
  const responses = [
    `HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n${body}`,
    `HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\na;ext=1\r\n${'x'.repeat(10)}\r\n1E\r\n${'x'.repeat(30)}\r\n0\r\nTrailer: 1\r\n\r\n`,
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length:40\r\n\r\n${body}`,
  ]
  for (let size = 1; size < 130; size++) {
    const parser = new ResponseParser()
    for (const [index, response] of responses.entries()) {
      const bytes = Buffer.from(response)
      const answers = []
      for (let at = 0; at < bytes.length; at += size) answers.push(parser.push(bytes.subarray(at, at + size)))
      const last = answers.pop()
      assert.ok(answers.every((answer) => answer === undefined))
      assert.equal(last?.status, 200 + index)
      assert.equal(last?.body.toString(), body)
    }
  }
})

test('a response without a length ends with the connection', () => {
  const parser = new ResponseParser()
  assert.equal(parser.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\nabc')), undefined)
  assert.equal(parser.end()?.body.toString(), 'abc')
})

test('one connection carries requests one after another, with token and body', async () => {
  const listener: RequestListener = (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { method, url, headers, socket } = request
      const body = Buffer.concat(parts).toString()
      response.end(JSON.stringify([method, url, headers.authorization, body, socket.remotePort]))
    })
  }
  await withHttp(listener, async (address) => {
    const connection = new Connection(address)
    const first = JSON.parse((await connection.request('PUT', '/a', 'secret', '{"é":1}')).body.toString())
    const second = JSON.parse((await connection.request('GET', '/b')).body.toString())
    assert.deepEqual(first.slice(0, 4), ['PUT', '/a', 'Bearer secret', '{"é":1}'])
    assert.deepEqual(second.slice(0, 2), ['GET', '/b'])
    assert.equal(first[4], second[4])
    connection.close()
  })
})

test('a connection that the server closes between requests is replaced', async () => {
  const listener: RequestListener = (request, response) => {
    response.setHeader('connection', request.url === '/close' ? 'close' : 'keep-alive')
    response.end('{}')
    if (request.url === '/drop') response.on('finish', () => request.socket.destroy())
  }
  await withHttp(listener, async (address) => {
    const connection = new Connection(address)
    for (const path of ['/close', '/keep', '/drop', '/keep', '/keep']) {
      assert.equal((await connection.request('GET', path)).status, 200)
    }
    connection.close()
  })
})

test('a connection that fails rejects its request', async () => {
  await withHttp(
    (request) => request.socket.destroy(),
    async (address) => {
      await assert.rejects(new Connection(address).request('GET', '/'), /closed|reset/i)
    },
  )
})

test('a pool never has more requests under way than connections', async () => {
  let now = 0
  let most = 0
  const listener: RequestListener = (_, response) => {
    most = Math.max(most, ++now)
    setImmediate(() => {
      now--
      response.end('{}')
    })
  }
  await withHttp(listener, async (address) => {
    const pool = new Pool(address, 3)
    await Promise.all(Array.from({ length: 20 }, () => pool.request('GET', '/')))
    assert.ok(most <= 3)
    pool.close()
  })
})
