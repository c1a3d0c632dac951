import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { attributes, decodeAnswer, encodeRequest, longTermKey, readXorAddress } from './stun-message.ts'
import { parseTurnUri } from './turn-uri.ts'

test('the answer of RFC 5769 is read', () => {
  const answer = decodeAnswer(
    Buffer.from(
      '0101003c2112a442b7e7a701bc34d686fa87dfae' +
        '8022000b7465737420766563746f7220' +
        '002000080001a147e112a643' +
        '000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7' +
        '80280004c07d4c96',
      'hex',
    ),
  )
  assert.ok(answer?.isSuccess)
  assert.equal(answer.method, 1)
  const mapped = answer.attributes.get(attributes.xorMappedAddress)
  assert.ok(mapped)
  assert.equal(readXorAddress(mapped, answer.transaction), '192.0.2.1:32853')
  const v6 = Buffer.from('0002a1470113a9faa5d3f179bc25f4b5bed2b9d9', 'hex')
  assert.equal(readXorAddress(v6, answer.transaction), '[2001:db8:1234:5678:11:2233:4455:6677]:32853')
})

test('the request of RFC 5769 with a long-term credential is signed as it is there', () => {
  const username = 'マトリックス'
  const request = encodeRequest({
    method: 1,
    transaction: Buffer.from('78ad3433c6ad72c029da412e', 'hex'),
    attributes: [
      [attributes.username, Buffer.from(username)],
      [attributes.nonce, Buffer.from('f//499k954d6OL34oL9FSTvy64sA')],
      [attributes.realm, Buffer.from('example.org')],
    ],
    key: longTermKey(username, 'example.org', 'TheMatrIX'),
  })
  assert.equal(request.subarray(-20).toString('hex'), 'f67024656dd64a3e02b8e0712e85c9a28ca89666')
})

test('whatever comes is read or refused, and never crashes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, isPlausible) => {
      const bytes = Buffer.from(noise)
      if (isPlausible && bytes.length >= 20) {
        bytes.writeUInt16BE(0x0103, 0)
        bytes.writeUInt16BE(bytes.length - 20, 2)
        bytes.writeUInt32BE(0x2112a442, 4)
      }
      for (const value of decodeAnswer(bytes)?.attributes.values() ?? []) readXorAddress(value, bytes.subarray(8, 20))
    }),
  )
})

test('addresses of servers are read', () => {
  const udp = { isTurn: true, host: 'turn.example.org', port: 3478, transport: 'udp' }
  assert.deepEqual(parseTurnUri('turn:turn.example.org'), udp)
  assert.deepEqual(parseTurnUri('turn:turn.example.org?transport=udp'), udp)
  assert.deepEqual(parseTurnUri('turn:turn.example.org:80?transport=tcp'), { ...udp, port: 80, transport: 'tcp' })
  assert.deepEqual(parseTurnUri('turns:[2001:db8::1]'), { ...udp, host: '2001:db8::1', port: 5349, transport: 'tls' })
  assert.equal(parseTurnUri('stun:stun.example.org')?.isTurn, false)
  for (const uri of ['turn:', 'http://x', 'turn:a/b', 'turn:a?transport=sctp'])
    assert.equal(parseTurnUri(uri), undefined)
})
