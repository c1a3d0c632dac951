/** What tests do with rooms over and over, as a client does it. */
import type { JsonObject } from '../../src/matrix/event.ts'
import { at } from './client.ts'
import type { TestUser } from './server.ts'

export const v3 = '/_matrix/client/v3'

export interface SeenEvent {
  type: string
  sender: string
  event_id: string
  room_id?: string
  state_key?: string
  content: JsonObject
  redacts?: string
  unsigned?: JsonObject
}

export async function createRoom(user: TestUser, body: object = {}): Promise<string> {
  return (await user.post<{ room_id: string }>(`${v3}/createRoom`, body)).room_id
}

let txn = 0

export async function send(user: TestUser, roomId: string, content: JsonObject | string, type = 'm.room.message') {
  txn += 1
  const body = typeof content === 'string' ? { msgtype: 'm.text', body: content } : content
  const path = at`/_matrix/client/v3/rooms/${roomId}/send/${type}/${`t${txn}`}`
  return (await user.put<{ event_id: string }>(path, body)).event_id
}

export const statePath = (roomId: string, type: string, stateKey = '') =>
  at`/_matrix/client/v3/rooms/${roomId}/state/${type}/${stateKey}`

export async function setState(user: TestUser, roomId: string, type: string, content: JsonObject, stateKey = '') {
  return (await user.put<{ event_id: string }>(statePath(roomId, type, stateKey), content)).event_id
}

export const getState = (user: TestUser, roomId: string, type: string, stateKey = '') =>
  user.get(statePath(roomId, type, stateKey))

export async function allState(user: TestUser, roomId: string): Promise<SeenEvent[]> {
  return (await user.get(at`/_matrix/client/v3/rooms/${roomId}/state`)) as unknown as SeenEvent[]
}

export const getEvent = (user: TestUser, roomId: string, eventId: string) =>
  user.get(at`/_matrix/client/v3/rooms/${roomId}/event/${eventId}`) as Promise<unknown> as Promise<SeenEvent>

/** All events of a room that the user sees, oldest first. */
export async function timeline(user: TestUser, roomId: string): Promise<SeenEvent[]> {
  const path = at`/_matrix/client/v3/rooms/${roomId}/messages`
  const { chunk } = await user.get<{ chunk: SeenEvent[] }>(path, { dir: 'f', limit: 1000 })
  return chunk
}

export const membershipOf = async (user: TestUser, roomId: string, userId: string) =>
  (await getState(user, roomId, 'm.room.member', userId)).membership

/** `join`, `leave`, `kick` and so on, with the status that the answer must have. */
export async function act(
  user: TestUser,
  roomId: string,
  action: string,
  body: object = {},
  expect = 200,
): Promise<JsonObject> {
  const path = `${at`/_matrix/client/v3/rooms/${roomId}/`}${action}`
  return (await user.request('POST', path, { body, expect })).body
}

export async function join(user: TestUser, roomIdOrAlias: string, expect = 200): Promise<JsonObject> {
  return (await user.request('POST', at`/_matrix/client/v3/join/${roomIdOrAlias}`, { body: {}, expect })).body
}

/** A room that the first user made and the others have joined. */
export async function publicRoom(creator: TestUser, others: readonly TestUser[], body: object = {}): Promise<string> {
  const roomId = await createRoom(creator, { preset: 'public_chat', ...body })
  for (const user of others) await join(user, roomId)
  return roomId
}

/** The error code of a request that must fail with this status. */
export async function errorOf(
  user: TestUser,
  method: string,
  path: string,
  body: object | string | undefined,
  status: number,
): Promise<unknown> {
  const options = body === undefined ? { expect: status } : { body, expect: status }
  return (await user.request(method, path, options)).body.errcode
}
