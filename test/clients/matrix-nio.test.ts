import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createTestServer, password } from '../helpers/server.ts'

const run = promisify(execFile)
const python = fileURLToPath(new URL('../../.cache/nio/bin/python', import.meta.url))
const script = fileURLToPath(new URL('nio_chat.py', import.meta.url))

test('matrix-nio chats, plainly and encrypted', {
  skip:
    !existsSync(python) &&
    "no matrix-nio here: python3 -m venv .cache/nio && .cache/nio/bin/pip install 'matrix-nio[e2e]==0.26.*'",
}, async () => {
  await using server = await createTestServer()
  await server.user('alice')
  await server.user('bob')
  const { stdout } = await run(python, [script, server.url, password])
  assert.deepEqual(JSON.parse(stdout), { plain: ['hello'], encrypted: [['secret', true]] })
})
