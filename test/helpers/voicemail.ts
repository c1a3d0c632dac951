/** What tests of notes after missed calls do over and over. */
import type { JsonObject } from '../../src/matrix/event.ts'
import { serverOf } from '../../src/matrix/ids.ts'
import { createTestClock, type TestClock } from '../../src/util/clock.ts'
import { at } from './client.ts'
import { upload } from './media.ts'
import { createRoom, join, type SeenEvent, send, timeline } from './rooms.ts'
import { createTestServer, type TestServer, type TestServerOptions, type TestUser } from './server.ts'
import { sync } from './sync.ts'

export const bot = '@voicemail:localhost'
export const settingsType = 'io.ringback.missed_call_prompts'

export interface Calling extends TestServer {
  readonly clock: TestClock
  /** Moves the time on and does what is due. */
  wait(ms: number): Promise<void>
}

export async function createCallingServer({
  clock = createTestClock(),
  ...options
}: TestServerOptions & { clock?: TestClock } = {}): Promise<Calling> {
  const server = await createTestServer({ ...options, clock })
  return Object.assign(server, { clock, wait: (ms: number) => wait(server, clock, ms) })
}

async function wait({ context }: TestServer, clock: TestClock, ms: number): Promise<void> {
  clock.advance(ms)
  await context.drain()
}

/** A direct chat of two users of one server. */
export async function directChat(a: TestUser, b: TestUser, body: object = {}): Promise<string> {
  const roomId = await createRoom(a, { preset: 'trusted_private_chat', is_direct: true, invite: [b.userId], ...body })
  await join(b, roomId)
  return roomId
}

let calls = 0
const offer = (kind: 'voice' | 'video') => ({
  type: 'offer',
  sdp: `v=0\r\nm=${kind === 'video' ? 'video' : 'audio'} 9 UDP/TLS/RTP/SAVPF 111\r\n`,
})

export const callEvent = (id: string, more: object = {}): JsonObject => ({
  call_id: id,
  party_id: 'p',
  version: '1',
  ...more,
})

/** Begins a call and returns its id. */
export async function ring(caller: TestUser, roomId: string, kind: 'voice' | 'video' = 'voice'): Promise<string> {
  const id = `call ${++calls}`
  await send(caller, roomId, callEvent(id, { lifetime: 60_000, offer: offer(kind) }), 'm.call.invite')
  return id
}

export type Ending = 'timeout' | 'busy' | 'cancelled' | 'declined'

/** A call that comes to nothing, up to the moment when that is certain. */
export async function callInVain(
  server: Calling,
  caller: TestUser,
  callee: TestUser,
  roomId: string,
  { kind = 'voice', ending = 'timeout', after }: { kind?: 'voice' | 'video'; ending?: Ending; after?: number } = {},
): Promise<void> {
  const id = await ring(caller, roomId, kind)
  await server.wait(after ?? (ending === 'timeout' ? 60_000 : 8_000))
  if (ending === 'declined') await send(callee, roomId, callEvent(id, { party_id: 'q' }), 'm.call.reject')
  else {
    const reason = { timeout: 'invite_timeout', busy: 'user_busy', cancelled: 'user_hangup' }[ending]
    const by = ending === 'busy' ? callee : caller
    await send(by, roomId, callEvent(id, { reason, ...(by === callee && { party_id: 'q' }) }), 'm.call.hangup')
  }
  await server.wait(3_000)
}

/** The user's chat with the voicemail bot; undefined where there is none. */
export async function chatOf(user: TestUser): Promise<string | undefined> {
  const direct = await user.request('GET', at`/_matrix/client/v3/user/${user.userId}/account_data/m.direct`)
  const rooms = direct.status === 200 ? direct.body[`@voicemail:${serverOf(user.userId)}`] : undefined
  return Array.isArray(rooms) ? String(rooms.at(-1)) : undefined
}

export interface SeenPrompt extends SeenEvent {
  readonly body: string
  readonly html: string
  readonly about: JsonObject
}

const asPrompt = (event: SeenEvent): SeenPrompt => ({
  ...event,
  body: String(event.content.body),
  html: String(event.content.formatted_body),
  about: event.content['io.ringback.prompt'] as JsonObject,
})

const isEdit = ({ content }: SeenEvent) => JSON.stringify(content['m.relates_to'] ?? {}).includes('m.replace')

/** The prompts in the user's voicemail chat, oldest first. */
export async function promptsOf(user: TestUser): Promise<SeenPrompt[]> {
  const chatId = await chatOf(user)
  if (chatId === undefined) return []
  const events = (await timeline(user, chatId)).filter(({ content }) => content['io.ringback.prompt'] !== undefined)
  return events.filter((event) => !isEdit(event)).map(asPrompt)
}

/** What a prompt says by now. */
export async function editOf(user: TestUser, prompt: SeenPrompt): Promise<SeenPrompt | undefined> {
  const chatId = (await chatOf(user)) ?? ''
  const edits = (await timeline(user, chatId)).filter(
    (event) => isEdit(event) && (event.content['m.relates_to'] as JsonObject).event_id === prompt.event_id,
  )
  const last = edits.at(-1)
  return last && asPrompt({ ...last, content: last.content['m.new_content'] as JsonObject })
}

export const tokenOf = (prompt: SeenPrompt) => /\/voicemail\/r\/([\w-]+)/.exec(prompt.body)?.[1] ?? ''

export async function setSettings(user: TestUser, content: JsonObject): Promise<void> {
  await user.put(at`/_matrix/client/v3/user/${user.userId}/account_data/${settingsType}`, content)
}

export const getSettings = async (user: TestUser): Promise<JsonObject> =>
  (await user.request('GET', at`/_matrix/client/v3/user/${user.userId}/account_data/${settingsType}`)).body

export const notesOf = async (user: TestUser) =>
  (await user.get<{ notes: JsonObject[]; next?: string }>('/_ringback/v1/notes')).notes

/** What the user's clients know of a room's account data. */
export async function roomDataOf(user: TestUser, roomId: string, type: string): Promise<JsonObject | undefined> {
  const { rooms } = await sync(user)
  return rooms?.join?.[roomId]?.account_data?.events.find((event) => event.type === type)?.content
}

/** What the bot said in a room besides prompts, oldest first. */
export const answersIn = async (user: TestUser, roomId: string) =>
  (await timeline(user, roomId))
    .filter(
      ({ sender, type, content }) => sender === bot && type === 'm.room.message' && !content['io.ringback.prompt'],
    )
    .map(({ content }) => String(content.body))

/** Leaves a voice message in the conversation, as clients send it; the recording need not be one. */
export async function leaveInConversation(
  sender: TestUser,
  roomId: string,
  { bytes, caption }: { bytes: string; caption?: string },
): Promise<{ eventId: string; mxc: string }> {
  const url = await upload(sender, bytes, { type: 'audio/ogg' })
  const eventId = await send(sender, roomId, {
    msgtype: 'm.audio',
    body: caption ?? 'Voice message.ogg',
    filename: 'Voice message.ogg',
    url,
    info: { duration: 2000, mimetype: 'audio/ogg', size: bytes.length },
    'org.matrix.msc3245.voice': {},
  })
  return { eventId, mxc: url }
}
