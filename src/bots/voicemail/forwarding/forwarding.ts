import type { Reader, Tx } from '../../../db/database.ts'
import { isUserId } from '../../../matrix/ids.ts'
import { getNote, type NoteRow } from '../notes/store-notes.ts'
import { settingsType } from '../settings.ts'
import { type ForwardingChoices, readForwarding } from './choices.ts'
import type { ForwardingDeps } from './deps.ts'
import { createNoteMail } from './note-mail.ts'
import { createPins } from './pins.ts'
import { createSharedInbox } from './shared-inbox.ts'

/** Brings notes also where their receivers want to have them. Each is a job of its own, so that none waits for another. */
export interface Forwarding {
  /** Call it in the transaction in which a note has come. */
  sent(tx: Tx, note: NoteRow): Promise<void>
  /** Call it when a note was played or its recording is gone. */
  settled(tx: Tx, note: NoteRow): Promise<void>
}

const kinds = { mail: 'voicemail.mail', share: 'voicemail.share', pin: 'voicemail.pin' }

export function createForwarding(deps: ForwardingDeps): Forwarding {
  const { db, jobs, accounts, mailer } = deps
  const mail = createNoteMail(deps)
  const share = createSharedInbox(deps)
  const pin = createPins(deps)

  /** What counts now. What comes from whom the receiver ignores is brought nowhere. */
  async function choicesOf(reader: Reader, { receiver, sender }: NoteRow): Promise<ForwardingChoices> {
    if (!isUserId(receiver) || !accounts.isLocalUser(receiver)) return readForwarding(undefined)
    if ((await accounts.accountData.ignoredUsers(reader, receiver)).has(sender)) return readForwarding(undefined)
    return readForwarding(await accounts.accountData.get(reader, receiver, settingsType))
  }

  const handle = (
    kind: string,
    task: (note: NoteRow, wanted: ForwardingChoices, signal: AbortSignal) => Promise<void>,
  ) =>
    jobs.handle(kind, async (payload, signal) => {
      const found = await db.read(async (reader) => {
        const note = await getNote(reader, String(payload.note))
        return note && { note, wanted: await choicesOf(reader, note) }
      })
      if (found) await task(found.note, found.wanted, signal)
    })
  handle(kinds.mail, async (note, { byMail }, signal) => {
    if (byMail) await mail(note, signal)
  })
  handle(kinds.share, async (note, { inboxRoom }) => {
    if (inboxRoom !== undefined) await share(note, inboxRoom)
  })
  handle(kinds.pin, (note, { isPinned }) => pin(note, isPinned && note.state !== 'played' && note.state !== 'deleted'))

  return {
    sent: async (tx, note) => {
      const { byMail, inboxRoom, isPinned } = await choicesOf(tx, note)
      const { note_id: id } = note
      if (byMail && mailer) await jobs.enqueue(tx, kinds.mail, { note: id }, { key: id })
      if (inboxRoom !== undefined) await jobs.enqueue(tx, kinds.share, { note: id }, { key: id })
      if (isPinned) await jobs.enqueue(tx, kinds.pin, { note: id }, { key: id })
    },
    settled: async (tx, note) => {
      const { isPinned } = await choicesOf(tx, note)
      if (isPinned) await jobs.enqueue(tx, kinds.pin, { note: note.note_id }, { key: `${note.note_id} off` })
    },
  }
}
