import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPublicAddress, networkOf } from './ip.ts'

test('addresses of the internet are public', () => {
  for (const ip of [
    '1.1.1.1',
    '8.8.8.8',
    '172.32.0.1',
    '192.169.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00:1450::8',
  ]) {
    assert.equal(isPublicAddress(ip), true, ip)
  }
})

test('every other address is not', () => {
  const blocked = [
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
    '2001::1',
    '2002:7f00:1::',
    '100::1',
    '3fff::1',
    'localhost',
    '',
    '1.2.3',
    '2606:4700::1%lo',
  ]
  for (const ip of blocked) assert.equal(isPublicAddress(ip), false, ip)
})

test('the network of an address is what one subscriber has', () => {
  const cases = {
    '192.0.2.7': '192.0.2.7',
    '::1': '0:0:0:0::/64',
    '2001:db8::1': '2001:db8:0:0::/64',
    '2001:DB8:0:0:ffff::': '2001:db8:0:0::/64',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
    '2001:db8:1:2::': '2001:db8:1:2::/64',
    '1::2:3:4:5:6:7': '1:0:2:3::/64',
    '64:ff9b::192.0.2.7': '64:ff9b:0:0::/64',
    'fe80::1%eth0': 'fe80:0:0:0::/64',
  }
  for (const [address, network] of Object.entries(cases)) assert.equal(networkOf(address), network, address)
})
