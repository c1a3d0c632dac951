import type { Reader, Tx } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import { parseMxc } from '../../matrix/mxc.ts'
import type { Ledger } from './ledger.ts'
import type { ContentKind } from './policy.ts'
import type { RoomsOfMedia } from './rooms-port.ts'
import { getLinkedMedia } from './store-links.ts'
import { contentKindOf } from './uses.ts'

/** What somebody says at the upload: for which room a file is, and as what. */
export interface Declaration {
  readonly roomId: string
  readonly kind: ContentKind
}

/** Links that senders declare, because nobody else can see them in encrypted rooms. */
export interface Declarations {
  /** Throws `M_FORBIDDEN` for rooms where the user is not. */
  require(reader: Reader, userId: string, roomId: string): Promise<number>
  /** The uploader says for which room a file is. */
  declare(tx: Tx, mediaNid: number, userId: string, declaration: Declaration): Promise<void>
  /** The sender says which files a message shows. Throws `M_INVALID_PARAM` for what they have not uploaded here. */
  attach(tx: Tx, message: AttachingMessage): Promise<void>
}

export interface AttachingMessage {
  readonly eventId: string
  readonly roomNid: number
  readonly sender: string
  readonly type: string
  readonly content: JsonObject
  /** `mxc:` URIs. */
  readonly media: readonly string[]
}

const mostAttached = 20

interface Deps {
  readonly ledger: Ledger
  readonly rooms: () => RoomsOfMedia
  readonly serverName: string
}

export function createDeclarations({ ledger, rooms, serverName }: Deps): Declarations {
  async function require(reader: Reader, userId: string, roomId: string): Promise<number> {
    const room = await rooms().roomById(reader, roomId)
    const member = room && (await rooms().membership(reader, room.nid, userId))
    if (room === undefined || member?.membership !== 'join') throw errors.forbidden('You are not in this room')
    return room.nid
  }

  return {
    require,
    declare: async (tx, nid, sender, { roomId, kind }) => {
      const roomNid = await require(tx, sender, roomId)
      const media = { nid, uploader: sender, isPinned: false, isFollowed: false }
      await ledger.attached(tx, media, { roomNid, sender, kind })
    },
    attach: async (tx, { eventId, roomNid, sender, type, content, media }) => {
      if (media.length > mostAttached) throw errors.invalidParam(`At most ${mostAttached} files can be attached`)
      const kind = type === 'm.room.encrypted' ? undefined : contentKindOf({ type, content })
      for (const uri of new Set(media)) {
        const ref = parseMxc(uri)
        const found = ref?.origin === serverName ? await getLinkedMedia(tx, ref) : undefined
        if (found?.uploader !== sender) throw errors.invalidParam(`${uri} is no file that you have uploaded here`)
        await ledger.attached(tx, found, { eventId, roomNid, sender, kind })
      }
    },
  }
}
