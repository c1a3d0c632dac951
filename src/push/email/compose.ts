import type { Reader } from '../../db/database.ts'
import type { OutgoingMail } from '../../jobs/mail.ts'
import type { ServerName, UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { MailGroup } from '../../util/mail-layout.ts'
import { oneLine } from '../../util/one-line.ts'
import type { Describe } from '../delivery/describe.ts'
import type { Notified } from '../notified/notified.ts'
import type { News } from './collect.ts'
import { describeEvent } from './describe-event.ts'
import { nameByPeople } from './room-name.ts'

export interface Recipient {
  readonly address: string
  readonly unsubscribeUrl: string
}

/** A mail that has yet to be addressed. */
export type Letter = (recipient: Recipient) => OutgoingMail

/** Writes to somebody about what they have not read. */
export type Compose = (reader: Reader, userId: UserId, news: News) => Promise<Letter>

const maxRooms = 10
/** The newest events of each room that are shown; the others are counted. */
const maxLines = 5
const longestName = 60

interface Deps {
  readonly reads: RoomReads
  readonly describe: Describe
  readonly serverName: ServerName
  readonly appName: string
}

export function createCompose({ reads, describe, serverName, appName }: Deps): Compose {
  async function group(reader: Reader, userId: UserId, events: readonly Notified[]): Promise<MailGroup> {
    const shown = events.slice(0, maxLines).reverse()
    const [first] = shown
    if (first === undefined) throw new Error('a room without events is not shown')
    const { room, event } = first
    const { roomName, roomAlias } = await describe(reader, userId, first)
    const isInvitation = event.pdu.type === 'm.room.member' && event.pdu.state_key === userId
    const lines: { who: string; text: string }[] = []
    const hidden = events.length - shown.length
    if (hidden > 0) lines.push({ who: '', text: `${hidden} more before these` })
    for (const one of shown) lines.push(await line(reader, userId, one))
    const known = roomName ?? roomAlias
    const title =
      known !== undefined
        ? oneLine(known, longestName)
        : isInvitation
          ? `Invitation from ${lines[0]?.who ?? ''}`
          : await nameByPeople(reads, reader, room, userId)
    const url = linkTo(room.roomId, isInvitation ? undefined : event.eventId)
    return { title, lines, link: { label: isInvitation ? 'See the invitation' : 'Open the room', url } }
  }

  async function line(reader: Reader, userId: UserId, one: Notified): Promise<{ who: string; text: string }> {
    const { senderName } = await describe(reader, userId, one)
    const { pdu } = one.event
    return { who: oneLine(senderName ?? pdu.sender, longestName) || pdu.sender, text: describeEvent(pdu, userId) }
  }

  /** https://spec.matrix.org/v1.19/appendices/#matrixto-navigation */
  function linkTo(roomId: string, eventId: string | undefined): string {
    const path = [roomId, ...(eventId === undefined ? [] : [eventId])].map(encodeURIComponent).join('/')
    return `https://matrix.to/#/${path}?via=${encodeURIComponent(serverName)}`
  }

  return async (reader, userId, { found, isTruncated }) => {
    const rooms = [...Map.groupBy(found, ({ room }) => room.nid).values()]
    const groups: MailGroup[] = []
    for (const events of rooms.slice(0, maxRooms)) groups.push(await group(reader, userId, events))
    const hidden = rooms.length - groups.length
    const n = `${isTruncated ? 'at least ' : ''}${found.length} unread ${found.length === 1 ? 'message' : 'messages'}`
    const others = rooms.length === 1 ? '' : ` and ${rooms.length - 1} more`
    return ({ address, unsubscribeUrl }) => ({
      to: address,
      subject: `Unread on ${appName}: ${groups[0]?.title ?? ''}${others}`,
      title: `You have ${n}`,
      paragraphs: [`They came for ${userId} and were still unread when this mail was written.`],
      groups,
      footer: [
        ...(hidden > 0 ? [`${hidden} more ${hidden === 1 ? 'room has' : 'rooms have'} unread messages.`] : []),
        `This mail went to ${address} because an app of yours asked for mail about unread messages. You can turn it off there, or here:`,
        { label: 'Stop these mails', url: unsubscribeUrl },
      ],
      unsubscribeUrl,
      isBulk: true,
    })
  }
}
