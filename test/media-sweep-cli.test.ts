import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createTestClock } from '../src/util/clock.ts'
import { download, upload } from './helpers/media.ts'
import { startProgram, temporaryFolder } from './helpers/program.ts'
import { createTestServer } from './helpers/server.ts'

test('the command line tells beside a running server what would be deleted, and changes nothing', async (t) => {
  const dataDir = join(temporaryFolder(t), 'data')
  // Its time is years ago for the command.
  await using server = await createTestServer({ dataDir, clock: createTestClock() })
  const alice = await server.user('alice')
  const mxc = await upload(alice, '12345')
  const env = { RINGBACK__DATA_DIR: dataDir, RINGBACK__MEDIA__RETENTION__LOCAL__MAX_UNUSED: '1d' }
  const run = (...args: string[]) => startProgram(['media', 'sweep', ...args], { env }).ended
  const table = await run('--dry-run')
  assert.deepEqual([table.code, table.stderr], [0, ''])
  assert.ok(table.stdout.includes(mxc))
  assert.match(table.stdout, /^local, not used: 1 files, 5 bytes$/m)
  const { media, totals } = JSON.parse((await run('--dry-run', '--json')).stdout)
  assert.deepEqual([media[0].mxc, media[0].reason], [mxc, 'not used'])
  assert.deepEqual(totals, [{ kind: 'local', reason: 'not used', files: 1, bytes: 5 }])
  assert.equal((await download(alice, mxc)).status, 200)
  assert.equal((await run()).code, 2)
})
