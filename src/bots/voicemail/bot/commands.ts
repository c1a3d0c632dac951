import type { Accounts } from '../../../accounts/accounts.ts'
import type { Database } from '../../../db/database.ts'
import { objectOf, stringsOf } from '../../../matrix/content.ts'
import { isUserId, type RoomId } from '../../../matrix/ids.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import { noticeContent } from '../../runtime/actions.ts'
import type { BotCommand, BotTurn, CommandCall } from '../../runtime/bot.ts'
import type { Chats } from '../chats.ts'
import { copyContent } from '../notes/copy-content.ts'
import { findNotes, type Inbox, type InboxNote } from '../notes/inbox.ts'
import { settingsType, withSwitch } from '../settings.ts'
import { inboxText } from './inbox-text.ts'
import { keepNote } from './keep-note.ts'
import { createSettingsCommands } from './settings-commands.ts'
import { createShownList } from './shown-list.ts'

export interface CommandDeps {
  readonly db: Database
  readonly accounts: Pick<Accounts, 'accountData' | 'isLocalUser'>
  readonly reads: Pick<RoomReads, 'eventById' | 'roomById' | 'view' | 'membership'>
  readonly rooms: Pick<Rooms, 'aliases'>
  readonly options: { readonly publicUrl: () => string }
  readonly chats: Chats
  readonly inbox: Inbox
}

const mostShown = 20
const noSuchNote = 'There is no such note. Say “inbox” to see them with their numbers.'

/** What people can ask of the voicemail bot. Users of other servers have no voicemail here. */
export function createCommands(deps: CommandDeps): BotCommand[] {
  const { db, accounts, reads, chats, inbox } = deps
  const shown = createShownList(deps)
  const forOwn =
    (run: BotCommand['run']): BotCommand['run'] =>
    async (call, turn) => {
      if (accounts.isLocalUser(call.event.sender)) await run(call, turn)
    }

  /** Where only the person who asks reads the answer. */
  async function privately({ event }: CommandCall, turn: BotTurn): Promise<RoomId> {
    if ((await db.read((reader) => chats.userOf(reader, turn.roomId))) === event.sender) return turn.roomId
    const chatId = await chats.require(event.sender)
    await turn.answer('I answer in our own chat.')
    return chatId
  }

  async function show(
    call: CommandCall,
    turn: BotTurn,
    pick: (notes: InboxNote[]) => InboxNote[],
    none: string,
  ): Promise<void> {
    const all = await inbox.list(call.event.sender)
    const notes = pick(all).slice(0, mostShown)
    const { text, html } = notes.length === 0 ? { text: none, html: undefined } : inboxText(notes)
    const chatId = await privately(call, turn)
    await shown.put(turn.userId, chatId, all)
    await turn.send(chatId, noticeContent(text, html))
  }

  const switchPrompts = forOwn(async (call, turn) => {
    const { args, event } = call
    const isOn = args[0]?.toLowerCase() === 'on'
    if (!isOn && args[0]?.toLowerCase() !== 'off') {
      await turn.answer(
        'Say “prompts on” or “prompts off”, with a user such as @bob:example.org for calls to them alone.',
      )
      return
    }
    const peer = peerOf(call, turn)
    if (peer === undefined && args.length > 1) {
      await turn.answer(`${args.slice(1).join(' ')} is no user. Write it like @bob:example.org.`)
      return
    }
    await db.write('voicemail settings', async (tx) => {
      const before = await accounts.accountData.get(tx, event.sender, settingsType)
      await accounts.accountData.set(tx, event.sender, settingsType, withSwitch(before, isOn, peer))
    })
    const whom = peer === undefined ? 'somebody does not answer you' : `${peer} does not answer you`
    await turn.answer(
      isOn ? `From now on I ask you for a note when ${whom}.` : `I do not ask you any more when ${whom}.`,
    )
  })

  async function findNote({ args, event }: CommandCall, turn: BotTurn, chatId: RoomId): Promise<InboxNote | undefined> {
    const number = Number(args[0])
    return shown.find(turn.userId, chatId, await inbox.list(event.sender), number)
  }

  const keep = forOwn(async (call, turn) => {
    const chatId = await privately(call, turn)
    const note = await findNote(call, turn, chatId)
    const isKept = call.args[1]?.toLowerCase() !== 'off'
    const said = note === undefined ? noSuchNote : await keepNote(inbox, call.event.sender, note, isKept)
    await turn.send(chatId, noticeContent(said))
  })

  const play = forOwn(async (call, turn) => {
    const chatId = await privately(call, turn)
    const note = await findNote(call, turn, chatId)
    const stored = note && (await db.read((reader) => reads.eventById(reader, note.eventId)))
    if (note === undefined || stored === undefined || stored.redactedBy !== undefined) {
      await turn.send(chatId, noticeContent(noSuchNote))
      return
    }
    if (note.state === 'deleted') {
      await turn.send(chatId, noticeContent('That note has been deleted.'))
      return
    }
    const origin = { note_id: note.noteId, from: note.sender }
    await turn.send(chatId, { ...copyContent(stored.pdu.content), 'io.ringback.note': origin })
    await inbox.played(call.event.sender, note.noteId)
  })

  return [
    {
      name: 'prompts',
      usage: 'on|off [@user]',
      help: 'Whether I ask you for a note when somebody does not answer you.',
      run: switchPrompts,
    },
    {
      name: 'inbox',
      help: 'Shows the notes that you have got, those that you have not played first.',
      run: forOwn((call, turn) => show(call, turn, (notes) => notes, 'You have no notes.')),
    },
    { name: 'keep', usage: 'N [off]', help: 'Keeps the note with that number when others are deleted.', run: keep },
    { name: 'play', usage: 'N', help: 'Sends you the note with that number here.', run: play },
    {
      name: 'find',
      usage: 'words',
      help: 'Finds notes by who left them and what was said.',
      run: forOwn((call, turn) => show(call, turn, (notes) => findNotes(notes, call.args), 'Nothing was found.')),
    },
    ...createSettingsCommands({ ...deps, privately }).map((command) => ({ ...command, run: forOwn(command.run) })),
  ]
}

/** Clients write a user's name and mention the id. */
function peerOf({ args, event }: CommandCall, turn: BotTurn): string | undefined {
  const written = args.slice(1).find((word) => isUserId(word))
  if (written !== undefined || args.length < 2) return written
  const mentions = objectOf(event, 'm.mentions')
  const mentioned = mentions ? stringsOf({ content: mentions }, 'user_ids') : []
  return mentioned.find((userId) => isUserId(userId) && userId !== turn.userId)
}
