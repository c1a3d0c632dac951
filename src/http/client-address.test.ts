import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { createClientAddress } from './client-address.ts'

const from = (remoteAddress: string) => ({ socket: { remoteAddress } }) as IncomingMessage

test('X-Forwarded-For is not believed unless the connection comes from a configured proxy', () => {
  assert.equal(createClientAddress()(from('127.0.0.1'), '1.2.3.4'), '127.0.0.1')
  const behindProxy = createClientAddress(['127.0.0.1', '10.0.0.0/8', 'fd00::/8'])
  assert.equal(behindProxy(from('9.9.9.9'), '1.2.3.4'), '9.9.9.9')
  assert.equal(behindProxy(from('127.0.0.1'), '1.2.3.4'), '1.2.3.4')
  assert.equal(behindProxy(from('::ffff:127.0.0.1'), '2001:db8::1'), '2001:db8::1')
  assert.equal(behindProxy(from('fd00::1'), '1.2.3.4'), '1.2.3.4')
})

test('the last address that no trusted proxy has counts, since the client invents what stands before it', () => {
  const behindProxy = createClientAddress(['127.0.0.1', '10.0.0.0/8'])
  assert.equal(behindProxy(from('127.0.0.1'), '6.6.6.6, 1.2.3.4, 10.0.0.7'), '1.2.3.4')
  assert.equal(behindProxy(from('127.0.0.1'), 'nonsense, 10.0.0.7'), '10.0.0.7')
  assert.equal(behindProxy(from('127.0.0.1'), undefined), '127.0.0.1')
})
