import { hashToken } from '../../../accounts/tokens.ts'
import type { Reader, Tx } from '../../../db/database.ts'
import type { RoomId, UserId } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import { randomString, randomToken } from '../../../util/random.ts'
import { getLinkByNote, getLinkByPrompt, getLinkByToken, insertLink, type LinkRow, revokeLinks } from './store-links.ts'
import { type FinishedNote, type NoteKind, noteKinds } from './types.ts'

/** What a link lets its holder do: leave one note, as this user, after this call. */
export interface NewLink {
  readonly userId: UserId
  readonly callId: string
  readonly roomId: RoomId
  readonly promptId: string
  /** Of the call. A note of the other kind may be left as well. */
  readonly kind: NoteKind
  /** Whom the note is for, as the page says it. */
  readonly peerName: string
  /** What the callee has to say to those who call in vain. */
  readonly greeting?: string | undefined
  /** How long the note may be, in ms; default as the configuration says. */
  readonly maxLengthMs?: number
  readonly expiresTs: number
}

export interface Link extends NewLink {
  readonly noteId: string
  readonly maxLengthMs: number
  readonly state: 'open' | 'ready' | 'used'
}

/** Links to the recorder page. Their tokens are secrets, of which only hashes are kept. */
export interface Links {
  /** Makes a link and returns its token. */
  create(tx: Tx, link: NewLink): Promise<string>
  /** A link that works now. Undefined for an unknown, used, revoked or expired one. */
  find(reader: Reader, token: string): Promise<Link | undefined>
  /** The same by its note, however long it took to make it. */
  findStarted(reader: Reader, noteId: string): Promise<Link | undefined>
  /** The link of a prompt, if it works or if this message has been taken for its note. */
  findByPrompt(reader: Reader, promptId: string, source: string): Promise<Link | undefined>
  /** Ends the links of a prompt, unless a note is being sent already. */
  revoke(tx: Tx, promptId: string): Promise<void>
  userDeactivated(tx: Tx, account: { userId: UserId }): Promise<void>
}

export function createLinks({ clock, maxLengthMs }: { clock: Clock; maxLengthMs: number }): Links {
  return {
    create: async (tx, link) => {
      const token = randomToken()
      await insertLink(tx, {
        token_hash: hashToken(token),
        note_id: randomString(24),
        user_id: link.userId,
        call_id: link.callId,
        room_id: link.roomId,
        prompt_id: link.promptId,
        kind: link.kind,
        peer_name: link.peerName,
        greeting: link.greeting ?? null,
        max_ms: link.maxLengthMs ?? maxLengthMs,
        created_ts: clock.now(),
        expires_ts: link.expiresTs,
        state: 'open',
        media: '[]',
        note: null,
        event_id: null,
        sent_room_id: null,
      })
      return token
    },
    find: async (reader, token) => {
      const row = await getLinkByToken(reader, hashToken(token))
      if (!row || row.expires_ts <= clock.now()) return undefined
      return isUsable(row) ? linkOf(row) : undefined
    },
    findStarted: async (reader, noteId) => {
      const row = await getLinkByNote(reader, noteId)
      return row && isUsable(row) ? linkOf(row) : undefined
    },
    findByPrompt: async (reader, promptId, source) => {
      const row = await getLinkByPrompt(reader, promptId)
      if (row?.note != null) return (JSON.parse(row.note) as FinishedNote).source === source ? linkOf(row) : undefined
      return row && isUsable(row) && row.expires_ts > clock.now() ? linkOf(row) : undefined
    },
    revoke: (tx, promptId) => revokeLinks(tx, { column: 'prompt_id', value: promptId }),
    userDeactivated: (tx, { userId }) => revokeLinks(tx, { column: 'user_id', value: userId }),
  }
}

const isUsable = ({ state }: LinkRow) => state === 'open' || state === 'ready'

function linkOf(row: LinkRow): Link {
  return {
    noteId: row.note_id,
    // Written by `create`.
    userId: row.user_id as UserId,
    roomId: row.room_id as RoomId,
    callId: row.call_id,
    promptId: row.prompt_id,
    kind: noteKinds.find((kind) => kind === row.kind) ?? 'voice',
    peerName: row.peer_name,
    greeting: row.greeting ?? undefined,
    maxLengthMs: row.max_ms,
    expiresTs: row.expires_ts,
    state: row.state === 'open' || row.state === 'ready' ? row.state : 'used',
  }
}
