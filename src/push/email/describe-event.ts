import { stringOf } from '../../matrix/content.ts'
import type { Pdu } from '../../matrix/event.ts'
import { oneLine } from '../../util/one-line.ts'

const longestText = 300
const longestFileName = 100

/** What is in a message that is not text. */
const things: Readonly<Record<string, string>> = {
  'm.image': 'a picture',
  'm.video': 'a video',
  'm.audio': 'a recording',
  'm.file': 'a file',
  'm.location': 'a location',
}

/** What people do that is not a message. */
const deeds: Readonly<Record<string, string>> = {
  'm.room.encrypted': 'sent an encrypted message',
  'm.sticker': 'sent a sticker',
  'm.call.invite': 'called',
  'm.poll.start': 'started a poll',
  'org.matrix.msc3381.poll.start': 'started a poll',
  'm.room.tombstone': 'moved the room to a new one',
}

/** One event in a few words that follow the name of its sender. Content is anybody's: every field may be anything. */
export function describeEvent(pdu: Pdu, userId: string): string {
  if (pdu.type === 'm.room.message') return describeMessage(pdu)
  if (pdu.type === 'm.room.member' && pdu.state_key === userId) return ' invited you'
  return ` ${(Object.hasOwn(deeds, pdu.type) && deeds[pdu.type]) || 'did something that a mail cannot show'}`
}

function describeMessage(pdu: Pdu): string {
  const type = stringOf(pdu, 'msgtype') ?? ''
  const body = stringOf(pdu, 'body') ?? ''
  const thing = Object.hasOwn(things, type) ? things[type] : undefined
  if (thing !== undefined) {
    const name = oneLine(stringOf(pdu, 'filename') ?? body, longestFileName)
    return name === '' ? ` sent ${thing}` : ` sent ${thing}: ${name}`
  }
  const text = oneLine(body, longestText)
  if (text === '') return ' sent a message'
  return type === 'm.emote' ? ` ${text}` : `: ${text}`
}
