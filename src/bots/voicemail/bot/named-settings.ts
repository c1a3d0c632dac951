import type { Json, JsonObject } from '../../../matrix/event.ts'
import { readForwarding } from '../forwarding/choices.ts'
import { hoursInWords, parseHours } from '../hours-text.ts'
import { longestGreeting, readSettings } from '../settings.ts'

/** A setting by the name under which people set it in the chat. */
export interface NamedSetting {
  readonly name: string
  /** What may follow the name. */
  readonly usage: string
  readonly help: string
  /** What counts now, in words. */
  show(content: JsonObject): string
  /** The value for the account data; undefined takes the key away. A sentence where the words mean nothing. */
  read(words: string, before: JsonObject): { readonly value: Json | undefined } | { readonly problem: string }
  /** The key of the account data. */
  readonly key: string
}

export const isOff = (words: string) => /^(?:off|none|no)$/i.test(words)

function flag(name: string, key: string, help: string, isOn: (content: JsonObject) => boolean): NamedSetting {
  return {
    name,
    key,
    usage: 'on|off',
    help,
    show: (content) => (isOn(content) ? 'on' : 'off'),
    read: (words) => {
      if (isOff(words)) return { value: false }
      return /^(?:on|yes)$/i.test(words) ? { value: true } : { problem: `Say “set ${name} on” or “set ${name} off”.` }
    },
  }
}

function text(
  name: string,
  key: string,
  help: string,
  current: (content: JsonObject) => string | undefined,
): NamedSetting {
  return {
    name,
    key,
    usage: 'TEXT|off',
    help,
    show: (content) => {
      const value = current(content)
      return value === undefined ? 'none' : `“${value}”`
    },
    read: (words) => {
      if (words.length > longestGreeting) return { problem: `That is too long: at most ${longestGreeting} characters.` }
      return { value: isOff(words) ? undefined : words }
    },
  }
}

const played: NamedSetting = {
  name: 'played',
  key: 'share_played',
  usage: 'on|off|auto',
  help: 'Whether callers see that you have played their notes; “auto” goes by your read receipts.',
  show: (content) => {
    const { sharesPlayed } = readSettings(content)
    return sharesPlayed === undefined ? 'auto' : sharesPlayed ? 'on' : 'off'
  },
  read: (words) => {
    if (/^auto$/i.test(words)) return { value: undefined }
    if (isOff(words)) return { value: false }
    return /^(?:on|yes)$/i.test(words)
      ? { value: true }
      : { problem: 'Say “set played on”, “set played off” or “set played auto”.' }
  },
}

const hours: NamedSetting = {
  name: 'hours',
  key: 'hours',
  usage: 'DAYS TIMES [TIME ZONE]|off',
  help: 'Your business hours, such as “mon-fri 9:00-12:00 13:00-17:00, sat 10:00-14:00 Europe/Berlin”.',
  show: (content) => {
    const set = readSettings(content).hours
    return set === undefined
      ? 'none'
      : `${hoursInWords(set)}${set.timeZone === undefined ? ' (time of the server)' : ''}`
  },
  read: (words, before) => {
    if (isOff(words)) return { value: undefined }
    const written = parseHours(words, readSettings(before).hours)
    return 'hours' in written ? { value: written.hours } : written
  },
}

/** `here` and names of rooms have been replaced by the room before. */
const room: NamedSetting = {
  name: 'room',
  key: 'inbox_room',
  usage: 'here|#NAME|!ID|off',
  help: 'A room into which I bring your notes as well, for a team.',
  show: (content) => readForwarding(content).inboxRoom ?? 'none',
  read: (words) => ({ value: isOff(words) ? undefined : words }),
}

/** Everything that can be set, except who is asked after which calls, for which there is a command of its own. */
export const namedSettings: readonly NamedSetting[] = [
  flag('notes', 'notes_to_me', 'Whether others are asked for notes to you.', (c) => readSettings(c).takesNotes),
  text('greeting', 'greeting', 'What those who call you in vain read.', (c) => readSettings(c).greeting),
  hours,
  text(
    'closed',
    'closed_greeting',
    'What they read outside your business hours.',
    (c) => readSettings(c).closedGreeting,
  ),
  room,
  played,
  flag(
    'unread',
    'keep_unread',
    'Whether conversations stay unread until their notes are played.',
    (c) => readSettings(c).keepsUnread,
  ),
  flag('pin', 'pin', 'Whether notes are pinned until they are played.', (c) => readForwarding(c).isPinned),
  flag('mail', 'email', 'Whether notes are mailed to you as well.', (c) => readForwarding(c).byMail),
  flag(
    'unencrypted',
    'unencrypted_delivery',
    'Whether notes may pass through me where the conversation is encrypted.',
    (c) => readSettings(c).takesUnencrypted,
  ),
]

/** The content with one key changed, and everything else as it was. */
export function withValue(content: JsonObject, key: string, value: Json | undefined): JsonObject {
  const { [key]: _, ...others } = content
  return value === undefined ? others : { ...others, [key]: value }
}

/** Whether somebody is asked after their own calls, and after which not. */
export function promptsInWords(content: JsonObject): string {
  const { isEnabled, peers } = readSettings(content)
  const others = [...peers]
    .filter(([, isOn]) => isOn !== isEnabled)
    .map(([peer, isOn]) => `${isOn ? 'on' : 'off'} for ${peer}`)
  return [isEnabled ? 'on' : 'off', ...others].join(', ')
}
