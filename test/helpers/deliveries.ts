/** What tests of deliveries do again and again. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../src/matrix/event.ts'
import { yieldNow } from '../../src/util/async.ts'
import { download } from './media.ts'
import type { TestServer, TestUser } from './server.ts'

/** How many files somebody has as a whole, as the server has written it down. */
export async function completed(server: TestServer, { userId, deviceId }: TestUser): Promise<number> {
  return server.context.db.read(async (reader) => {
    const query = reader.qb.selectFrom('media_fetches').select('media_nid').where('recipient', '=', userId)
    return (await query.where('device', '=', deviceId).where('complete_ts', 'is not', null).execute()).length
  })
}

/** Downloads what completes a file, and waits until the server has written down that it did. */
export async function fetchWhole(
  server: TestServer,
  user: TestUser,
  mxc: string,
  headers: Record<string, string> = {},
) {
  const before = await completed(server, user)
  assert.ok((await download(user, mxc, headers)).status < 300)
  for (let turn = 0; turn < 1000 && (await completed(server, user)) === before; turn++) await yieldNow()
  assert.equal(await completed(server, user), before + 1, 'the download was not written down')
}

export const image = (url: string, more: JsonObject = {}) => ({ msgtype: 'm.image', body: 'x', url, ...more })
export const status = async (user: TestUser, mxc: string) => (await download(user, mxc)).status
