import type { Accounts } from '../accounts/accounts.ts'
import type { Database, Reader, Tx } from '../db/database.ts'
import { errors, MatrixError } from '../matrix/errors.ts'
import type { ServerName, UserId } from '../matrix/ids.ts'
import type { MediaRef } from '../matrix/mxc.ts'
import type { Clock } from '../util/clock.ts'
import { randomString } from '../util/random.ts'
import type { Blobs } from './blobs.ts'
import type { Declaration, Declarations } from './delivery/declarations.ts'
import type { Inspector } from './inspection/inspector.ts'
import { type Quota, requireAllowedType, requireQuota, type TypeRules } from './quota.ts'
import type { Spool } from './spool.ts'
import type { Blob } from './store-blobs.ts'
import { type FileInfo, fillMedia, getMedia, getPending, insertMedia, insertPendingMedia } from './store-media.ts'
import type { Stripper } from './stripping/stripper.ts'
import { addFile, type Traffic } from './traffic.ts'
import { createUnderWay, withinReservation } from './under-way.ts'
import type { UploadWaiters } from './upload-waiters.ts'

/** A file as it arrives. `open` is called once, when it is known that the file may come; a piece is gone when the next is asked for. */
export interface IncomingFile extends FileInfo {
  /** What the client announced, in bytes. */
  readonly announcedSize: number | undefined
  /** Whether its metadata must go, also where the server keeps that of other files. */
  readonly stripMetadata: boolean
  /** The server has made it itself, so that it has no metadata. */
  readonly isOwnWork?: boolean
  readonly signal: AbortSignal
  open(): AsyncIterable<Uint8Array>
}

export interface UploadOptions extends TypeRules {
  readonly serverName: ServerName
  readonly quotas: readonly Quota[]
  /** How many ids a user may have created and not used. */
  readonly maxPending: number
  /** How long a created id waits for its content, in ms. */
  readonly pendingLifetime: number
  /** Whether metadata is removed from all files that are known to carry some. */
  readonly stripMetadata: boolean
}

export interface UploadsDeps {
  readonly db: Database
  readonly clock: Clock
  readonly accounts: Pick<Accounts, 'users'>
  readonly blobs: Blobs
  readonly spool: Spool
  readonly inspector: Pick<Inspector, 'noted'>
  readonly stripper: Stripper
  readonly waiters: UploadWaiters
  readonly traffic: Traffic
  readonly declarations: Pick<Declarations, 'require' | 'declare'>
  readonly options: UploadOptions
}

/**
 * All throw `M_FORBIDDEN` for types and amounts that the server does not take, and for rooms where the user is not, and
 * `M_USER_SUSPENDED` for suspended users. Media that is declared for a room is deleted as that kind is there.
 */
export interface Uploads {
  upload(userId: UserId, file: IncomingFile, declared?: Declaration): Promise<MediaRef>
  /** The same for the server itself: `keep` runs in the transaction that keeps the file, and where it throws nothing is kept. */
  uploadWith(userId: UserId, file: IncomingFile, keep: (tx: Tx, ref: MediaRef) => Promise<void>): Promise<MediaRef>
  /** Makes an id for content that comes later. Throws `M_LIMIT_EXCEEDED` for a user who has too many of them. */
  create(userId: UserId): Promise<{ ref: MediaRef; expiresTs: number }>
  /** Brings the content of a created id. Throws `M_NOT_FOUND` and `M_CANNOT_OVERWRITE_MEDIA`, `M_FORBIDDEN` for others. */
  fill(userId: UserId, ref: MediaRef, file: IncomingFile, declared?: Declaration): Promise<void>
}

export function createUploads(deps: UploadsDeps): Uploads {
  const { db, clock, accounts, blobs, spool, inspector, stripper, waiters, traffic, declarations, options } = deps
  const underWay = createUnderWay()
  const newRef = (): MediaRef => ({ origin: options.serverName, mediaId: randomString(24) })

  /** Counts uploads that a quota turns away. */
  async function requireRoom(reader: Reader, userId: UserId, size: number): Promise<void> {
    try {
      await requireQuota(reader, options.quotas, { userId, size, now: clock.now() })
    } catch (error) {
      if (error instanceof MatrixError) traffic.refusals.quota += 1
      throw error
    }
  }

  /** Receives a file and keeps it, unless it is refused before, or by what turns out to be in it. */
  async function receive(
    userId: UserId,
    file: IncomingFile,
    declared: Declaration | undefined,
    attach: (tx: Tx, blob: Blob) => Promise<number>,
  ): Promise<void> {
    const requireType = (type: string | null, size: number) =>
      counted(traffic, () => requireAllowedType(options, type, size))
    const announced = file.announcedSize ?? 0
    requireType(file.contentType ?? 'application/octet-stream', announced)
    using reserved = underWay.reserve(userId, announced)
    const checkRoom = (reader: Reader) => requireRoom(reader, userId, underWay.of(userId))
    await db.read(async (reader) => {
      await accounts.users.requireActive(reader, userId)
      if (declared) await declarations.require(reader, userId, declared.roomId)
      await checkRoom(reader)
    })
    const pieces = withinReservation(file.open(), { announced, reserved }, () => db.read(checkRoom))
    await using spooled = await spool.write(pieces)
    const isDemanded = file.stripMetadata === true
    const isStripped = isDemanded || (options.stripMetadata && !file.isOwnWork)
    await using stripped = isStripped ? await stripper.strip(spooled, { isDemanded, signal: file.signal }) : undefined
    await blobs.keep(stripped ?? spooled, async (tx, blob) => {
      for (const type of [file.contentType ?? 'application/octet-stream', blob.detectedType]) {
        requireType(type, blob.size)
      }
      await requireRoom(tx, userId, blob.size)
      const nid = await attach(tx, blob)
      if (declared) await declarations.declare(tx, nid, userId, declared)
      await inspector.noted(tx, blob)
      tx.afterCommit(() => addFile(traffic.uploads, blob.size))
    })
  }

  const insert = (tx: Tx, userId: UserId, { ref, file, blob }: { ref: MediaRef; file: FileInfo; blob: Blob }) =>
    insertMedia(tx, { ...ref, ...file, uploader: userId, createdTs: clock.now() }, blob)

  return {
    upload: async (userId, file, declared) => {
      const ref = newRef()
      await receive(userId, file, declared, (tx, blob) => insert(tx, userId, { ref, file, blob }))
      return ref
    },
    uploadWith: async (userId, file, keep) => {
      const ref = newRef()
      await receive(userId, file, undefined, async (tx, blob) => {
        const nid = await insert(tx, userId, { ref, file, blob })
        await keep(tx, ref)
        return nid
      })
      return ref
    },
    create: async (userId) => {
      const ref = newRef()
      const now = clock.now()
      const expiresTs = now + options.pendingLifetime
      await db.write('create media', async (tx) => {
        await accounts.users.requireActive(tx, userId)
        const { count, firstExpiresTs } = await getPending(tx, userId, now)
        if (count >= options.maxPending) {
          throw errors.limitExceeded((firstExpiresTs ?? now) - now, 'Too many of your uploads have not been finished')
        }
        await insertPendingMedia(tx, { ...ref, uploader: userId, createdTs: now, expiresTs })
      })
      return { ref, expiresTs }
    },
    fill: async (userId, ref, file, declared) => {
      const media = await db.read((reader) => getMedia(reader, ref))
      const isExpired = media?.state === 'pending' && (media.expiresTs ?? 0) <= clock.now()
      if (!media || media.state === 'deleted' || isExpired) throw errors.notFound('There is no such id to upload to')
      if (media.uploader !== userId) throw errors.forbidden('Somebody else has created this id')
      if (media.state === 'live') throw errors.cannotOverwriteMedia()
      await receive(userId, file, declared, async (tx, blob) => {
        if (!(await fillMedia(tx, media.nid, file, blob))) throw await whyNot(tx, ref)
        tx.afterCommit(() => waiters.wake(media.nid))
        return media.nid
      })
    },
  }
}

/** Counts uploads that are turned away because of their type, or because of its limit. */
function counted(traffic: Traffic, check: () => void): void {
  try {
    check()
  } catch (error) {
    if (error instanceof MatrixError) traffic.refusals[error.errcode === 'M_TOO_LARGE' ? 'size' : 'type'] += 1
    throw error
  }
}

/** Somebody was faster, or the time was up while the content was on its way. */
async function whyNot(tx: Tx, ref: MediaRef) {
  const media = await getMedia(tx, ref)
  return media?.state === 'live' ? errors.cannotOverwriteMedia() : errors.notFound('The id has expired')
}
