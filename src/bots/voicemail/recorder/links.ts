import { hashToken } from '../../../accounts/tokens.ts'
import type { Reader, Tx } from '../../../db/database.ts'
import type { RoomId, UserId } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import { randomString, randomToken } from '../../../util/random.ts'
import { getLinkByToken, insertLink, type LinkRow, revokeLinks } from './store-links.ts'
import { type NoteKind, noteKinds } from './types.ts'

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
  readonly state: 'open' | 'ready'
}

/** Links to the recorder page. Their tokens are secrets, of which only hashes are kept. */
export interface Links {
  /** Makes a link and returns its token. */
  create(tx: Tx, link: NewLink): Promise<string>
  /** A link that works now. Undefined for an unknown, used, revoked or expired one. */
  find(reader: Reader, token: string): Promise<Link | undefined>
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
      return row.state === 'open' || row.state === 'ready' ? linkOf(row, row.state) : undefined
    },
    revoke: (tx, promptId) => revokeLinks(tx, { column: 'prompt_id', value: promptId }),
    userDeactivated: (tx, { userId }) => revokeLinks(tx, { column: 'user_id', value: userId }),
  }
}

function linkOf(row: LinkRow, state: Link['state']): Link {
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
    state,
  }
}
