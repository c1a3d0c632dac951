import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { endpoint, type Requester } from './endpoint.ts'

test('the handler is typed from the template, the schemas and the kind of authentication', () => {
  const typed = endpoint(
    {
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}',
      auth: 'user',
      query: z.object({ ts: z.number().int().optional() }),
      body: z.looseObject({ body: z.string() }),
    },
    (request) => {
      const roomId: string = request.params.roomId
      const ts: number | undefined = request.query.ts
      const requester: Requester = request.requester
      const body: string = request.body.body
      // @ts-expect-error the template has no such parameter
      const missing: unknown = request.params.stateKey
      return { roomId, ts, requester, body, missing }
    },
  )
  assert.equal(typed.method, 'PUT')

  const open = endpoint({ method: 'GET', path: '/_matrix/client/versions', auth: 'optional' }, (request) => {
    // @ts-expect-error nobody may have sent a token
    const userId = request.requester.userId
    return { userId }
  })
  assert.equal(open.auth, 'optional')
})
