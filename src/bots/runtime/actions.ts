import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { BotActions } from './bot.ts'

/** Under this device a bot's transaction ids count. */
const deviceId = 'io.ringback.bot'

/** What a bot does because of `cause`, which names an event or a job for ever. */
export function createActions(rooms: Pick<Rooms, 'events'>, userId: UserId, cause: string): BotActions {
  const actor = { userId, deviceId }
  let count = 0
  const txnId = (name: string | undefined) => `${cause} ${name ?? ++count}`
  const send = (roomId: string, type: string, content: JsonObject, name?: string) =>
    rooms.events.send(actor, roomId, { type, content, txnId: txnId(name) })

  return {
    userId,
    send: (roomId, content, name) => send(roomId, 'm.room.message', content, name),
    edit: (roomId, target, content, name) => send(roomId, 'm.room.message', editOf(target, content), name),
    react: async (roomId, target, key) => {
      const relation = { rel_type: 'm.annotation', event_id: target, key }
      try {
        await send(roomId, 'm.reaction', { 'm.relates_to': relation })
      } catch (error) {
        if (!(error instanceof MatrixError && error.errcode === 'M_DUPLICATE_ANNOTATION')) throw error
      }
    },
    redact: async (roomId, target, reason) => {
      const content: JsonObject = reason === undefined ? {} : { reason }
      await rooms.events.redact(actor, roomId, target, txnId(undefined), content)
    },
  }
}

/** https://spec.matrix.org/v1.19/client-server-api/#event-replacements: nobody is notified of an edit. */
function editOf(target: string, content: JsonObject): JsonObject {
  const { body, 'm.mentions': _, ...rest } = content
  return {
    ...rest,
    body: `* ${String(body)}`,
    'm.mentions': {},
    'm.new_content': content,
    'm.relates_to': { rel_type: 'm.replace', event_id: target },
  }
}

/** A message that notifies nobody; HTML where it says more than the text. */
export function noticeContent(body: string, html?: string): JsonObject {
  return {
    msgtype: 'm.notice',
    body,
    ...(html === undefined ? {} : { format: 'org.matrix.custom.html', formatted_body: html }),
    'm.mentions': {},
  }
}
