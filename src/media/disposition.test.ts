import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentDisposition, fileNameOf, readFileName } from './disposition.ts'

test('names in any script stand in the header', () => {
  const cases: [name: string | undefined, header: string][] = [
    [undefined, 'inline'],
    ['', 'inline'],
    ['photo 1.jpg', 'inline; filename="photo 1.jpg"'],
    ['../../etc/passwd', 'inline; filename="../../etc/passwd"'],
    ['☕.png', 'inline; filename="_.png"; filename*=UTF-8\'\'%E2%98%95.png'],
    ['👍.png', 'inline; filename="_.png"; filename*=UTF-8\'\'%F0%9F%91%8D.png'],
    ['a"b\\c%41', 'inline; filename="a_b_c_41"; filename*=UTF-8\'\'a%22b%5Cc%2541'],
    ["ü'(*).txt", "inline; filename=\"_'(*).txt\"; filename*=UTF-8''%C3%BC%27%28%2A%29.txt"],
    ['\ud800x', 'inline; filename="_x"; filename*=UTF-8\'\'%EF%BF%BDx'],
  ]
  for (const [name, header] of cases) assert.equal(contentDisposition('inline', name), header)
  assert.equal(contentDisposition('attachment', 'a'), 'attachment; filename="a"')
})

test('names cannot break out of the header, and end somewhere', () => {
  assert.equal(readFileName('a\r\nSet-Cookie: b\0\u0085'), 'aSet-Cookie: b')
  assert.equal(readFileName('\n'), undefined)
  assert.equal(readFileName('👍'.repeat(300)), '👍'.repeat(255))
  assert.equal(readFileName('\udc00'), '\ufffd')
})

test('the name in a header of another server', () => {
  for (const name of ['photo 1.jpg', '☕.png', 'a"b\\c%41', "ü'(*).txt"]) {
    assert.equal(fileNameOf(contentDisposition('inline', name)), name)
  }
  assert.equal(fileNameOf('attachment; filename=plain.txt'), 'plain.txt')
  assert.equal(fileNameOf(String.raw`inline; filename="a\"b"`), 'a"b')
  assert.equal(fileNameOf("inline; filename*=UTF-8''%ff; filename=rest.txt"), 'rest.txt')
  assert.equal(fileNameOf('inline'), undefined)
  assert.equal(fileNameOf(undefined), undefined)
})
