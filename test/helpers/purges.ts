import assert from 'node:assert/strict'
import type { JsonObject } from '../../src/matrix/event.ts'
import type { TestClock } from '../../src/util/clock.ts'
import { at } from './client.ts'
import type { TestServer, TestUser } from './server.ts'

const base = '/_synapse/admin'

export interface Deletion {
  status: string
  error?: string
  shutdown_room: {
    kicked_users: string[]
    failed_to_kick_users: string[]
    local_aliases: string[]
    new_room_id: unknown
  }
}

/** Has history removed and resolves when that is done. */
export async function purgeHistory(
  server: Pick<TestServer, 'context'>,
  root: TestUser,
  roomId: string,
  body: JsonObject,
): Promise<void> {
  const { purge_id: id } = await root.post(at`/_synapse/admin/v1/purge_history/${roomId}`, body)
  await server.context.drain()
  const state = await root.get(at`/_synapse/admin/v1/purge_history_status/${String(id)}`)
  assert.deepEqual(state, { status: 'complete' })
}

/** Has a room removed and resolves when that has ended. */
export async function deleteRoom(
  server: Pick<TestServer, 'context'>,
  clock: TestClock,
  root: TestUser,
  roomId: string,
  body: object = {},
): Promise<Deletion> {
  const { delete_id: id } = await root.delete(`${base}/v2/rooms/${encodeURIComponent(roomId)}`, body)
  for (let tries = 0; tries < 10; tries++) {
    await server.context.drain()
    const state = await deletion(root, String(id))
    if (state.status === 'complete' || state.status === 'failed') return state
    clock.advance(1_000)
  }
  throw new Error('the room is still being removed')
}

export const deletion = (root: TestUser, id: string) =>
  root.get(at`/_synapse/admin/v2/rooms/delete_status/${id}`) as Promise<unknown> as Promise<Deletion>
