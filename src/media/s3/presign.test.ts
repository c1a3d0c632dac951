import assert from 'node:assert/strict'
import { test } from 'node:test'
import { presign } from './presign.ts'

test('an address is signed as the example in the documentation of S3 is', () => {
  const url = new URL('https://examplebucket.s3.amazonaws.com/test.txt')
  const keys = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
  const signed = presign(url, { keys, region: 'us-east-1', now: Date.UTC(2013, 4, 24), seconds: 86_400 })
  assert.equal(
    signed,
    'https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  )
})

test('what the file is sent as is signed, too', () => {
  const url = new URL('http://127.0.0.1:9000/bucket/key')
  url.searchParams.set('response-content-disposition', `inline; filename="a (b)*'.png"`)
  const keys = { accessKeyId: 'a', secretAccessKey: 'b', sessionToken: 'c' }
  const signed = presign(url, { keys, region: 'eu', now: 0, seconds: 1 })
  assert.match(signed, /response-content-disposition=inline%3B%20filename%3D%22a%20%28b%29%2A%27.png%22&/)
  assert.match(signed, /X-Amz-Security-Token=c&/)
  assert.match(signed, /^http:\/\/127\.0\.0\.1:9000\/bucket\/key\?X-Amz-Algorithm/)
})
