import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseXMatrix } from './x-matrix.ts'

const wanted = { origin: 'a.example', destination: 'b.example:8448', key: 'ed25519:1', signature: 'AB+/' }

test('a header is read as old and new servers write it', () => {
  for (const header of [
    'X-Matrix origin="a.example",destination="b.example:8448",key="ed25519:1",sig="AB+/"',
    'X-Matrix origin=a.example,destination=b.example:8448,key=ed25519:1,sig=AB+/',
    'x-matrix   origin="a.example" , destination="b.example:8448" ,key="ed25519:1", sig="AB+/"',
    'X-MATRIX sig="AB+/", KEY="ed25519:1", Origin = a.example, destination="b.example:8448", later="a, \\"b\\""',
    ' X-Matrix ,origin="a\\.example",,destination="b.example:8448",key="ed25519:1",sig="AB+/",',
  ]) {
    assert.deepEqual(parseXMatrix(header), wanted, header)
  }
  const { destination: _destination, ...rest } = wanted
  const old = 'X-Matrix origin=a.example,key="ed25519:1",sig="AB+/"'
  assert.deepEqual(parseXMatrix(old), { ...rest, destination: undefined })
})

test('what is malformed or incomplete is no header', () => {
  for (const header of [
    '',
    'X-Matrix',
    'X-Matrix ',
    'Bearer origin="a.example",key="ed25519:1",sig="x"',
    'X-Matrix origin="a.example",key="ed25519:1"',
    'X-Matrix origin="a.example",key="ed25519:1",sig=""',
    'X-Matrix origin="a.example",key="ed25519:1",sig="x',
    'X-Matrix origin="a.example",origin="c.example",key="ed25519:1",sig="x"',
    'X-Matrix origin="a example",key="ed25519:1",sig="x"',
    'X-Matrix origin="a.example" key="ed25519:1",sig="x"',
    'X-Matrix origin="a.example",key="rsa:1",sig="x"',
    'X-Matrixorigin="a.example",key="ed25519:1",sig="x"',
    'X-Matrix origin=,key="ed25519:1",sig="x"',
  ]) {
    assert.equal(parseXMatrix(header), undefined, header)
  }
})

test('a long hostile header is refused at once', () => {
  const started = performance.now()
  for (const filler of [
    ' '.repeat(30_000),
    ','.repeat(30_000),
    'a="'.repeat(10_000),
    '\\'.repeat(30_000),
    '" '.repeat(15_000),
  ]) {
    assert.equal(parseXMatrix(`X-Matrix origin="a.example"${filler}!`), undefined)
  }
  assert.ok(performance.now() - started < 500)
})
