import { objectOf, stringOf } from '../../matrix/content.ts'
import { localpartOf, type UserId } from '../../matrix/ids.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { Room, StoredEvent } from '../../rooms/types.ts'
import { createActions, noticeContent } from './actions.ts'
import type { Bot, BotEvent, BotTurn } from './bot.ts'
import { helpText } from './help.ts'
import { parseCommand } from './parse-command.ts'

/** An event that a bot is told of. */
export interface Told {
  readonly room: Room
  readonly event: StoredEvent
  /** Whether the bot and one other are alone in the room. */
  readonly isDirect: boolean
  readonly signal: AbortSignal
}

/** Hands one event to what the bot has for it. Throws what that throws. */
export async function dispatch(
  rooms: Pick<Rooms, 'events' | 'membership'>,
  bot: Bot,
  userId: UserId,
  { room, event: stored, isDirect, signal }: Told,
): Promise<void> {
  const { pdu, eventId } = stored
  const { roomId } = room
  const event: BotEvent = {
    eventId,
    roomId,
    sender: pdu.sender,
    type: pdu.type,
    content: pdu.content,
    sentTs: pdu.origin_server_ts,
  }
  const actions = createActions(rooms, userId, eventId)
  const turn: BotTurn = {
    ...actions,
    roomId,
    isDirect,
    signal,
    answer: (text, html) => actions.send(roomId, noticeContent(text, html)),
  }
  if (pdu.type === 'm.room.member') {
    const isInvite = membershipOf(pdu) === 'invite' && pdu.sender !== userId
    if (isInvite && (await bot.acceptsInvite?.(event)))
      await rooms.membership.join({ userId }, { roomIdOrAlias: roomId })
  } else if (pdu.type === 'm.reaction') {
    const relation = objectOf(pdu, 'm.relates_to')
    const { event_id: target, key } = relation ?? {}
    if (typeof target === 'string' && typeof key === 'string') await bot.onReaction?.({ ...event, target, key }, turn)
  } else if (!(await runCommand(bot, event, turn))) await bot.onMessage?.(event, turn)
}

/** True where the message is a command of the bot. Edits and notices, which bots write, are none. */
async function runCommand(bot: Bot, event: BotEvent, turn: BotTurn): Promise<boolean> {
  const { commands = [] } = bot
  const isEdit = objectOf(event, 'm.relates_to')?.rel_type === 'm.replace'
  if (commands.length === 0 || isEdit || stringOf(event, 'msgtype') !== 'm.text') return false
  const localpart = localpartOf(turn.userId)
  const written = parseCommand(stringOf(event, 'body') ?? '', { localpart, isBare: turn.isDirect })
  if (written === undefined) return false
  if (written.name === 'help') {
    const { text, html } = helpText(commands, turn.isDirect)
    await turn.answer(text, html)
    return true
  }
  const command = commands.find(({ name }) => name === written.name)
  await command?.run({ ...written, event }, turn)
  return command !== undefined
}
