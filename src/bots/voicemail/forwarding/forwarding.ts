import type { Tx } from '../../../db/database.ts'
import { isUserId } from '../../../matrix/ids.ts'
import { getNote, type NoteRow } from '../notes/store-notes.ts'
import { settingsType } from '../settings.ts'
import { readForwarding } from './choices.ts'
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

  const handle = (kind: string, task: (note: NoteRow, payload: object, signal: AbortSignal) => Promise<void>) =>
    jobs.handle(kind, async (payload, signal) => {
      const note = await db.read((reader) => getNote(reader, String(payload.note)))
      if (note) await task(note, payload, signal)
    })
  handle(kinds.mail, (note, _payload, signal) => mail(note, signal))
  handle(kinds.share, (note, payload) => share(note, 'room' in payload ? String(payload.room) : ''))
  handle(kinds.pin, (note, payload) => pin(note, 'pinned' in payload && payload.pinned === true))

  async function choicesOf(tx: Tx, receiver: string) {
    const isOurs = isUserId(receiver) && accounts.isLocalUser(receiver)
    return readForwarding(isOurs ? await accounts.accountData.get(tx, receiver, settingsType) : undefined)
  }

  return {
    sent: async (tx, note) => {
      const { byMail, inboxRoom, isPinned } = await choicesOf(tx, note.receiver)
      const { note_id: id } = note
      if (byMail && mailer) await jobs.enqueue(tx, kinds.mail, { note: id }, { key: id })
      if (inboxRoom !== undefined) await jobs.enqueue(tx, kinds.share, { note: id, room: inboxRoom }, { key: id })
      if (isPinned) await jobs.enqueue(tx, kinds.pin, { note: id, pinned: true }, { key: id })
    },
    settled: async (tx, note) => {
      const { isPinned } = await choicesOf(tx, note.receiver)
      if (isPinned)
        await jobs.enqueue(tx, kinds.pin, { note: note.note_id, pinned: false }, { key: `${note.note_id} off` })
    },
  }
}
