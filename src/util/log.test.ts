import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, scrubSecrets } from './log.ts'

function capture(format: 'json' | 'pretty') {
  const lines: string[] = []
  const log = createLog({ level: 'info', format, write: (line) => lines.push(line) })
  return { log, text: () => lines.join('') }
}

test('no access token leaves the logger, however it got in', () => {
  for (const format of ['json', 'pretty'] as const) {
    const { log, text } = capture(format)
    log.info({ url: '/_matrix/client/v3/sync?access_token=SECRETa.b-c&since=s1' }, 'GET ?access_token=SECRET2 done')
    log.info({
      headers: { Authorization: 'Bearer SECRET3' },
      body: { password: 'SECRET4', nested: { access_token: 'SECRET5' } },
    })
    log.warn({ err: new Error('failed: Authorization: Bearer SECRET6') }, 'oops')
    log.warn({ raw: '{"refresh_token":"SECRET7"}' })
    log.warn({ auth: 'X-Matrix origin="a.b",key="ed25519:1",sig="SECRET8+/="' })
    assert.doesNotMatch(text(), /SECRET/)
    assert.match(text(), /since=s1/)
    assert.match(text(), /done/)
  }
})

test('json lines stay json after hiding', () => {
  const { log, text } = capture('json')
  log.info({ raw: '{"access_token":"x\\"y"}', authorization: 'Bearer abc' }, 'hello')
  const line = JSON.parse(text())
  assert.equal(line.msg, 'hello')
  assert.equal(line.authorization, '[hidden]')
})

test('the level is kept', () => {
  const { log, text } = capture('json')
  log.debug('quiet')
  assert.equal(text(), '')
})

test('harmless text is left alone', () => {
  assert.equal(scrubSecrets('the password was wrong'), 'the password was wrong')
})
