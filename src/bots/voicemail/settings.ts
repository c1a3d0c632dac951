import { fieldOf, objectOf, stringOf } from '../../matrix/content.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { HoursSetting } from './hours.ts'
import { readHours } from './hours.ts'

/** Account data of the user whose settings it holds. */
export const settingsType = 'io.ringback.missed_call_prompts'
/** State of a conversation in which nobody is to be asked: `{"enabled": false}`. */
export const roomSettingsType = settingsType

export interface VoicemailSettings {
  /** Whether to ask this user for a note after calls in vain. */
  readonly isEnabled: boolean
  /** What was chosen for single callees. */
  readonly peers: ReadonlyMap<string, boolean>
  /** Whether others are asked for a note to this user. */
  readonly takesNotes: boolean
  /** What those who call in vain are told. */
  readonly greeting: string | undefined
  /** The same outside the business hours. */
  readonly closedGreeting: string | undefined
  readonly hours: HoursSetting | undefined
  /** Whether senders see that their notes were played; undefined: as with read receipts. */
  readonly sharesPlayed: boolean | undefined
  /** Whether a conversation stays marked as unread until its note is played. */
  readonly keepsUnread: boolean
  /** Whether notes may come and go unencrypted through the assistant where the conversation is encrypted. */
  readonly takesUnencrypted: boolean
}

export const longestGreeting = 500

/** Reads what clients have written: whatever has another type is as good as absent. */
export function readSettings(content: JsonObject | undefined): VoicemailSettings {
  const data = { content: content ?? {} }
  const flag = (key: string) => {
    const value = fieldOf(data, key)
    return typeof value === 'boolean' ? value : undefined
  }
  const text = (key: string) => stringOf(data, key)?.trim().slice(0, longestGreeting) || undefined
  const peers = Object.entries(objectOf(data, 'peers') ?? {})
  return {
    isEnabled: flag('enabled') ?? true,
    peers: new Map(peers.flatMap(([userId, value]) => (typeof value === 'boolean' ? [[userId, value] as const] : []))),
    takesNotes: flag('notes_to_me') ?? true,
    greeting: text('greeting'),
    closedGreeting: text('closed_greeting'),
    hours: readHours(objectOf(data, 'hours')),
    sharesPlayed: flag('share_played'),
    keepsUnread: flag('keep_unread') ?? true,
    takesUnencrypted: flag('unencrypted_delivery') ?? false,
  }
}

/** Whether a caller wants to be asked after calls to this user: the choice for the user counts before the general one. */
export function wantsPrompt({ isEnabled, peers }: VoicemailSettings, callee: string): boolean {
  return peers.get(callee) ?? isEnabled
}

/** The content with one switch changed, and everything else as it was. */
export function withSwitch(content: JsonObject | undefined, isOn: boolean, peer?: string): JsonObject {
  const before = content ?? {}
  if (peer === undefined) return { ...before, enabled: isOn }
  return { ...before, peers: { ...objectOf({ content: before }, 'peers'), [peer]: isOn } }
}
