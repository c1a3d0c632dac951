import type { Accounts } from '../../../accounts/accounts.ts'
import type { Database } from '../../../db/database.ts'
import { objectOf, stringOf } from '../../../matrix/content.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import type { RoomId } from '../../../matrix/ids.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { Clock } from '../../../util/clock.ts'
import { type Bot, type BotEvent, type BotReaction, type BotTurn, defineBot } from '../../runtime/bot.ts'
import type { Chats } from '../chats.ts'
import { readRecorded, targetOf } from '../notes/recognise.ts'
import type { PromptLinks } from '../prompts/link-for.ts'
import { buttons } from '../prompts/messages.ts'
import type { Prompts } from '../prompts/prompts.ts'
import { listPromptsOfChat, type PromptRow } from '../prompts/store-prompts.ts'
import type { MessageNote } from '../recorder/message-source.ts'
import { type CommandDeps, createCommands } from './commands.ts'

export interface VoicemailBotDeps extends CommandDeps {
  readonly db: Database
  readonly clock: Clock
  readonly accounts: Pick<Accounts, 'accountData' | 'isLocalUser'>
  readonly reads: Pick<RoomReads, 'roomById' | 'view' | 'membership' | 'eventById'>
  readonly chats: Chats
  readonly prompts: Pick<Prompts, 'end'>
  /** Makes the note of a prompt from a message. */
  readonly leave: (note: MessageNote) => Promise<unknown>
  readonly promptLinks: PromptLinks
  readonly options: { readonly localpart: string; readonly lifetime: number; readonly publicUrl: () => string }
}

/** Emoji may come with or without the mark that asks for a picture. */
const plain = (key: string) => key.replaceAll('\u{fe0f}', '')

/** The bot that asks callers for notes, takes them in its chats and reads out what came. */
export function createVoicemailBot(deps: VoicemailBotDeps): Bot {
  const { db, clock, accounts, reads, chats, prompts, leave, promptLinks, options } = deps

  const isOwnChat = async ({ roomId, sender }: BotEvent) =>
    (await db.read((reader) => chats.userOf(reader, roomId))) === sender

  const listPrompts = (chatId: RoomId) =>
    db.read((reader) => listPromptsOfChat(reader, chatId, clock.now() - options.lifetime))

  /** The prompt that a message answers, or else the newest that is open. */
  async function findPrompt({ roomId, type, content }: BotEvent): Promise<PromptRow | undefined> {
    const rows = await listPrompts(roomId)
    const target = targetOf({ type, content })
    return rows.find(({ event_id: id }) => id !== null && id === target) ?? rows.find(({ state }) => state === 'open')
  }

  async function takeRecording(event: BotEvent, turn: BotTurn): Promise<boolean> {
    const recorded = readRecorded(event)
    if (recorded === undefined) return false
    if (recorded.mxc === undefined) {
      await turn.answer('I find no recording in that message. Send it again.')
      return true
    }
    const prompt = await findPrompt(event)
    if (prompt === undefined) {
      await turn.answer('There is no call to leave this note after. When somebody does not answer, I ask you here.')
      return true
    }
    if (!(await promptLinks.isOffered(prompt.prompt_id))) {
      await turn.answer('That conversation is encrypted. Record your note there, so that it stays encrypted.')
      return true
    }
    const { mxc, kind, caption } = recorded
    try {
      const { signal } = turn
      await leave({ promptId: prompt.prompt_id, source: event.eventId, mxc, kind, caption, signal })
      await turn.react(event.roomId, event.eventId, '✅')
    } catch (error) {
      if (!(error instanceof MatrixError) || error.status >= 500 || error.status === 429) throw error
      await turn.answer(`Your note was not sent. ${error.message}.`)
    }
    return true
  }

  async function press({ roomId, target, key }: BotReaction, turn: BotTurn): Promise<void> {
    const prompt = (await listPrompts(roomId)).find(({ event_id: id, state }) => id === target && state === 'open')
    if (prompt === undefined) return
    const pressed = plain(key)
    if (pressed === plain(buttons.none)) {
      await db.write('prompt dismissed', (tx) => prompts.end(tx, prompt.prompt_id, 'dismissed'))
      return
    }
    const kind = pressed === plain(buttons.voice) ? 'voice' : pressed === plain(buttons.video) ? 'video' : undefined
    const link = kind && (await promptLinks.another(prompt.prompt_id))
    if (link) await turn.answer(`${buttons[kind]} ${link}?kind=${kind}`)
  }

  return defineBot({
    name: 'voicemail',
    localpart: options.localpart,
    profile: { displayName: 'Voicemail' },
    commands: createCommands(deps),
    acceptsInvite: async ({ roomId, sender }) => {
      if (!accounts.isLocalUser(sender)) return false
      const isEncrypted = await db.read(async (reader) => {
        const room = await reads.roomById(reader, roomId)
        return room && (await reads.view.entry(reader, room.stateNid, 'm.room.encryption', '')) !== undefined
      })
      // It could not read what is said there; its own chat is where it can be asked.
      if (isEncrypted) await chats.require(sender)
      return isEncrypted === false
    },
    onMessage: async (event, turn) => {
      if (!(await isOwnChat(event)) || (await takeRecording(event, turn))) return
      const isText = stringOf(event, 'msgtype') === 'm.text'
      const isEdit = objectOf(event, 'm.relates_to')?.rel_type === 'm.replace'
      if (isText && !isEdit) await turn.answer('I do not know that. Say “help” to see what you can ask me.')
    },
    onReaction: async (reaction, turn) => {
      if (await isOwnChat(reaction)) await press(reaction, turn)
    },
  })
}
