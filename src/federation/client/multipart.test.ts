import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { boundaryOf, readParts } from './multipart.ts'

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}

async function read(bytes: Buffer, boundary: string, sizes: readonly number[] = [7]) {
  const parts: { headers: Record<string, string>; body: Buffer }[] = []
  for await (const part of readParts(inPieces(bytes, sizes), boundary)) {
    const chunks: Uint8Array[] = []
    for await (const chunk of part.body) chunks.push(Buffer.from(chunk))
    parts.push({ headers: Object.fromEntries(part.headers), body: Buffer.concat(chunks) })
  }
  return parts
}

const write = (boundary: string, bodies: readonly Uint8Array[]) =>
  Buffer.concat([
    ...bodies.flatMap((body, i) => [
      Buffer.from(`${i === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: x/${i}\r\n\r\n`),
      Buffer.from(body),
    ]),
    Buffer.from(`\r\n--${boundary}--`),
  ])

test('parts come out as they went in, however the bytes arrive', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 3 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 }),
      async (bodies, sizes) => {
        const parts = await read(write('bound', bodies), 'bound', sizes)
        assert.deepEqual(
          parts.map(({ body }) => [...body]),
          bodies.map((body) => [...body]),
        )
        assert.equal(parts[0]?.headers['content-type'], 'x/0')
      },
    ),
  )
})

test('what looks like a boundary and is none stays in the body', async () => {
  const body = Buffer.from('a\r\n--boun\r\n-bound\n--bound')
  assert.deepEqual((await read(write('bound', [body]), 'bound', [1]))[0]?.body, body)
})

test('a part without headers and one without a body', async () => {
  const text = '--b\r\n\r\n{}\r\n--b\r\nLocation: https://elsewhere.test/x\r\n\r\n--b--\r\nepilogue'
  const parts = await read(Buffer.from(text), 'b')
  assert.deepEqual(
    parts.map(({ headers, body }) => ({ headers, body: body.toString() })),
    [
      { headers: {}, body: '{}' },
      { headers: { location: 'https://elsewhere.test/x' }, body: '' },
    ],
  )
})

test('what is cut off or endless is an error', async () => {
  const whole = write('b', [Buffer.from('content')])
  for (const length of [0, 3, 20, whole.length - 4]) {
    await assert.rejects(read(whole.subarray(0, length), 'b'), { name: 'FetchError' })
  }
  const endless = Buffer.concat([Buffer.from('--b\r\n'), Buffer.alloc(40_000, 'x')])
  await assert.rejects(read(endless, 'b', [1000]), { name: 'FetchError' })
})

test('the boundary stands in the content type', () => {
  assert.equal(boundaryOf('multipart/mixed; boundary=abc'), 'abc')
  assert.equal(boundaryOf('Multipart/Mixed; charset=x; boundary="a b"'), 'a b')
  assert.equal(boundaryOf('application/json'), undefined)
  assert.equal(boundaryOf(undefined), undefined)
})

test('names in headers are read as they were written, in UTF-8 or Latin-1', async () => {
  const part = (disposition: Buffer) =>
    Buffer.concat([Buffer.from('--b\r\nContent-Disposition: '), disposition, Buffer.from('\r\n\r\nx\r\n--b--')])
  for (const encoding of ['utf8', 'latin1'] as const) {
    const text = 'inline; filename="ünï.png"'
    const [found] = await read(part(Buffer.from(text, encoding)), 'b')
    assert.equal(found?.headers['content-disposition'], text, encoding)
  }
})
