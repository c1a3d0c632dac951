import type { Accounts } from '../../../accounts/accounts.ts'
import type { Database } from '../../../db/database.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import type { RoomId } from '../../../matrix/ids.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import { escapeHtml } from '../../../util/html.ts'
import { noticeContent } from '../../runtime/actions.ts'
import type { BotCommand, BotTurn, CommandCall } from '../../runtime/bot.ts'
import { type SharedRoomFault, sharedRoomFault } from '../forwarding/shared-room.ts'
import { settingsType } from '../settings.ts'
import { isOff, type NamedSetting, namedSettings, promptsInWords, withValue } from './named-settings.ts'

export interface SettingsCommandDeps {
  readonly db: Database
  readonly accounts: Pick<Accounts, 'accountData'>
  readonly reads: Pick<RoomReads, 'roomById' | 'view' | 'membership'>
  readonly rooms: Pick<Rooms, 'aliases'>
  readonly options: { readonly publicUrl: () => string }
  /** Where only the person who asks reads the answer. */
  privately(call: CommandCall, turn: BotTurn): Promise<RoomId>
}

const faults: Readonly<Record<SharedRoomFault, string>> = {
  'not there': 'You are not in a room with that name. Join it first, or say “set room here” in it.',
  encrypted: 'That room is encrypted. I bring notes only into rooms that are not.',
  'no bot': 'I am not in that room yet: invite me, so that I can bring your notes there.',
}

/** Shows and changes what is in the settings of whoever asks: the same account data that the account page changes. */
export function createSettingsCommands(deps: SettingsCommandDeps): BotCommand[] {
  const { db, accounts, reads, rooms, options, privately } = deps

  /** The id of the room that is meant, and what stands in the way of notes there. */
  async function findRoom({ event }: CommandCall, words: string, turn: BotTurn) {
    const roomId = /^here$/i.test(words) ? turn.roomId : await resolve(words)
    if (roomId === undefined) return { roomId: words, fault: 'not there' } as const
    const room = { roomId, userId: event.sender, botId: turn.userId }
    return { roomId, fault: await db.read((reader) => sharedRoomFault(reads, reader, room)) }
  }

  /** Undefined for what is no room, and for a name that cannot be asked for now. */
  async function resolve(words: string): Promise<string | undefined> {
    try {
      return await rooms.aliases.requireRoomId(words)
    } catch (error) {
      if (error instanceof MatrixError) return undefined
      throw error
    }
  }

  async function set(call: CommandCall, turn: BotTurn): Promise<void> {
    const name = call.args[0]?.toLowerCase()
    const setting = namedSettings.find((one) => one.name === name)
    if (setting === undefined) {
      await turn.answer(`Say “set NAME VALUE” with one of ${namedSettings.map((one) => one.name).join(', ')}.`)
      return
    }
    const words = call.rest.slice(setting.name.length).trim()
    if (words === '') {
      await turn.answer(`${setting.help} Say “set ${setting.name} ${setting.usage}”.`)
      return
    }
    const isRoom = setting.key === 'inbox_room' && !isOff(words)
    const found = isRoom ? await findRoom(call, words, turn) : undefined
    if (found?.fault === 'not there' || found?.fault === 'encrypted') await turn.answer(faults[found.fault])
    else await turn.answer(await change(call, setting, found?.roomId ?? words, found?.fault))
  }

  function change({ event }: CommandCall, setting: NamedSetting, words: string, fault: SharedRoomFault | undefined) {
    return db.write('voicemail settings', async (tx) => {
      const before = (await accounts.accountData.get(tx, event.sender, settingsType)) ?? {}
      const read = setting.read(words, before)
      if ('problem' in read) return read.problem
      const content = withValue(before, setting.key, read.value)
      await accounts.accountData.set(tx, event.sender, settingsType, content)
      return [`Saved. ${setting.name}: ${setting.show(content)}.`, ...(fault ? [faults[fault]] : [])].join(' ')
    })
  }

  async function show(call: CommandCall, turn: BotTurn): Promise<void> {
    const content = (await db.read((reader) => accounts.accountData.get(reader, call.event.sender, settingsType))) ?? {}
    const lines = namedSettings.map(({ name, help, show: said }) => ({ name, help, said: said(content) }))
    const prompts = {
      name: 'prompts',
      help: 'Whether you are asked after your own calls.',
      said: promptsInWords(content),
    }
    const all = [prompts, ...lines]
    const end = `Say “set NAME VALUE” to change one. The page ${options.publicUrl()}/account shows the same.`
    const text = [...all.map(({ name, help, said }) => `${name}: ${said} (${help})`), end].join('\n')
    const items = all.map(
      ({ name, help, said }) => `<li><code>${name}</code> <b>${escapeHtml(said)}</b><br>${escapeHtml(help)}</li>`,
    )
    await turn.send(await privately(call, turn), noticeContent(text, `<ul>${items.join('')}</ul>${escapeHtml(end)}`))
  }

  return [
    {
      name: 'settings',
      help: 'Shows what you have set: greeting, business hours, a room for your team and more.',
      run: show,
    },
    { name: 'set', usage: 'NAME VALUE', help: 'Changes one of your settings.', run: set },
  ]
}
