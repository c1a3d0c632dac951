import type { JsonObject } from '../../matrix/event.ts'
import type { EventId, RoomId, UserId } from '../../matrix/ids.ts'

/** An event of a room where the bot is, as far as bots need it. */
export interface BotEvent {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly sender: UserId
  readonly type: string
  readonly content: JsonObject
  /** When its sender says that it was sent, in ms since 1970. */
  readonly sentTs: number
}

export interface BotReaction extends BotEvent {
  /** The event that was reacted to. */
  readonly target: string
  readonly key: string
}

/** What a bot can do. Repeating an action of the same cause and name changes nothing. */
export interface BotActions {
  readonly userId: UserId
  /** Sends a message; `name` tells it from others of the same cause, default its number among them. */
  send(roomId: string, content: JsonObject, name?: string): Promise<EventId>
  /** Gives a message of the bot another content. */
  edit(roomId: string, target: string, content: JsonObject, name?: string): Promise<EventId>
  react(roomId: string, target: string, key: string): Promise<void>
  redact(roomId: string, target: string, reason?: string): Promise<void>
}

/** What a bot can do about an event: its effects happen once, also where a crash has the event handled again. */
export interface BotTurn extends BotActions {
  readonly roomId: RoomId
  /** Whether the bot and one user are alone, so that commands need no sign before them. */
  readonly isDirect: boolean
  /** Aborts when the server stops: the event is handled again after the next start. */
  readonly signal: AbortSignal
  /** Answers in the room of the event, without notifying anybody; HTML where it differs from the text. */
  answer(text: string, html?: string): Promise<EventId>
}

export interface CommandCall {
  /** The words after the name. */
  readonly args: readonly string[]
  /** What stands after the name, as it was written. */
  readonly rest: string
  readonly event: BotEvent
}

export interface BotCommand {
  /** In small letters. */
  readonly name: string
  /** What follows the name, such as `on|off [@user]`. */
  readonly usage?: string
  /** One sentence. */
  readonly help: string
  run(call: CommandCall, turn: BotTurn): Promise<void>
}

/** A bot: a user of this server that acts by itself in the rooms where it is. */
export interface Bot {
  /** Stable: under this name it is known how far it has come. */
  readonly name: string
  readonly localpart: string
  readonly profile: { readonly displayName: string }
  /** `help` comes by itself where there are commands. */
  readonly commands?: readonly BotCommand[]
  /** Called once for each start of the server, when the bot's user exists. */
  onStart?(actions: BotActions): Promise<void>
  /** Whether an invitation is accepted; without it all are left alone. */
  acceptsInvite?(event: BotEvent): Promise<boolean>
  /** A message that is no command. */
  onMessage?(event: BotEvent, turn: BotTurn): Promise<void>
  onReaction?(reaction: BotReaction, turn: BotTurn): Promise<void>
}

/** Says that an object is a bot, so that the compiler checks it where it is written. */
export const defineBot = (bot: Bot): Bot => bot
