import { isUserId } from '../../../matrix/ids.ts'
import { renderMail } from '../../../util/mail-layout.ts'
import { type MailAttachment, MailRefused } from '../../../util/mailer.ts'
import { memberName } from '../member-name.ts'
import type { NoteRow } from '../notes/store-notes.ts'
import { findRecording } from '../open-recording.ts'
import { inMinutes } from '../prompts/prompt-text.ts'
import type { ForwardingDeps } from './deps.ts'

/** Mail servers refuse mails that are much larger; such a recording is heard in the inbox. */
const largestAttachment = 5 * 1024 * 1024
const types = { voice: 'audio/ogg', video: 'video/mp4' } as const

/** Mails a note to its receiver, once the mail server takes it. */
export function createNoteMail(deps: ForwardingDeps) {
  const { db, log, accounts, media, rooms, mailer, options } = deps

  async function attachment({ mxc, kind }: NoteRow, signal: AbortSignal): Promise<MailAttachment | undefined> {
    if (mxc === null) return undefined
    const find = { timeoutMs: 10_000, allowRemote: true, signal }
    const found = await findRecording(media, mxc, find).catch((err: unknown) => {
      log.debug({ err, mxc }, 'a note is mailed without its recording')
      return undefined
    })
    if (!found || found.size > largestAttachment) return undefined
    const content = Buffer.concat(await (await found.open()).toArray())
    return { fileName: kind === 'voice' ? 'voice-note.ogg' : 'video-note.mp4', contentType: types[kind], content }
  }

  return async (note: NoteRow, signal: AbortSignal): Promise<void> => {
    const { receiver, sender, kind } = note
    if (!mailer || !isUserId(receiver)) return
    const { address, name } = await db.read(async (reader) => {
      const addresses = await accounts.threepids.list(reader, receiver)
      return {
        address: addresses.find(({ medium }) => medium === 'email')?.address,
        name: await memberName(rooms.reads, reader, note.room_id, sender),
      }
    })
    if (address === undefined) return
    const what = `${kind === 'voice' ? 'voice' : 'video'} note (${inMinutes(note.duration_ms)})`
    const file = await attachment(note, signal)
    const words = note.transcript ?? note.caption
    const mail = renderMail({
      title: `${name} left you a ${what}`,
      paragraphs: [
        ...(words === null ? [] : [`“${words}”`]),
        file ? 'The recording is attached.' : 'It is in your inbox.',
      ],
      action: { label: 'Open the inbox', url: `${options.publicUrl()}/inbox` },
      footer: [`You asked ${options.appName} for a mail with each note. The account page ends that.`],
    })
    try {
      const message = { to: address, subject: `${name} left you a ${what}`, ...mail, id: `note-${note.note_id}` }
      await mailer.send({ ...message, attachments: file ? [file] : [] }, signal)
    } catch (error) {
      if (!(error instanceof MailRefused)) throw error
      log.warn({ err: error, note: note.note_id }, 'the mail server refused a note for good')
    }
  }
}
