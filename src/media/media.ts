import { join } from 'node:path'
import type { Accounts } from '../accounts/accounts.ts'
import type { Database, Tx } from '../db/database.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { UserId } from '../matrix/ids.ts'
import type { MediaRef } from '../matrix/mxc.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { Part } from '../util/part.ts'
import type { SafeFetch } from '../util/safe-fetch.ts'
import { createAccesses } from './accesses/accesses.ts'
import { createMeasures, type Measures } from './amounts/measures.ts'
import { createBlobs } from './blobs.ts'
import { type Catalogue, createCatalogue } from './catalogue/catalogue.ts'
import { isInline, servedType } from './content-type.ts'
import { createDelivery, type Delivery } from './delivery/delivery.ts'
import type { DeliveryPolicy } from './delivery/policy.ts'
import type { MediaRequester } from './delivery/recipients.ts'
import { createDiscard } from './discard.ts'
import { contentDisposition } from './disposition.ts'
import { createDownloads, type Downloads, type LiveMedia } from './downloads.ts'
import { type DueMedia, listDueMedia } from './due/due-media.ts'
import { createEraser } from './eraser.ts'
import { createFfmpeg, type Ffmpeg } from './ffmpeg/ffmpeg.ts'
import type { ServedFile } from './file-reply.ts'
import { createInspector, type Inspector } from './inspection/inspector.ts'
import { createQuarantine, type Quarantine } from './moderation/quarantine.ts'
import { createOrphanSweep } from './orphans.ts'
import { createPreviews, type PreviewOptions, type Previews } from './previews/previews.ts'
import { createRemoteMedia, type RemoteSource } from './remote-media.ts'
import type { RetentionPolicy } from './retention/policy.ts'
import { createRetention, type Retention, retentionJob } from './retention/retention.ts'
import { createSpool, type Spool } from './spool.ts'
import { createStore, type StorageOptions, settleStorage } from './storage.ts'
import { createRemoteCopies } from './store-remote-copies.ts'
import { createStripper } from './stripping/stripper.ts'
import { createSweeper, sweepJob } from './sweeper.ts'
import { createPictures } from './thumbnails/pictures.ts'
import { createThumbnails, type Thumbnails } from './thumbnails/thumbnails.ts'
import { addFile, createTraffic, type Traffic } from './traffic.ts'
import { createUploadWaiters } from './upload-waiters.ts'
import { createUploads, type UploadOptions, type Uploads } from './uploads.ts'

export interface MediaOptions extends UploadOptions {
  /** Where files are kept. */
  readonly folder: string
  /** The largest file in bytes. */
  readonly maxUpload: number
  readonly sweepInterval: number
  readonly storage: StorageOptions
  /** Pictures with more pixels get no thumbnails. */
  readonly maxPixels: number
  readonly hasFfmpeg: boolean
  readonly previews: PreviewOptions
  readonly delivery: DeliveryPolicy
  readonly retention: RetentionPolicy
  /** When what is too old is looked for, as a cron expression in local time. */
  readonly retentionSchedule: string
  /** Users that the server runs itself: nobody waits for them to download anything. */
  readonly ownUsers: ReadonlySet<string>
}

export interface MediaDeps {
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle' | 'schedule'>
  readonly accounts: Pick<Accounts, 'users' | 'isLocalUser' | 'appservices' | 'accountData'>
  /** For addresses that others chose. */
  readonly fetch: SafeFetch
  readonly options: MediaOptions
}

export interface Media {
  readonly uploads: Uploads
  readonly downloads: Downloads
  readonly thumbnails: Thumbnails
  readonly previews: Previews
  readonly delivery: Delivery
  readonly ffmpeg: Ffmpeg
  readonly inspector: Inspector
  readonly retention: Retention
  readonly quarantine: Quarantine
  readonly catalogue: Catalogue
  /** How much there is and was. */
  measure(): Promise<Measures>
  /** Counted since the start. */
  readonly traffic: Traffic
  /** What a sweep would delete now; at most `limit` are named. */
  due(limit: number): Promise<DueMedia>
  /** The jobs that delete what is due. */
  readonly sweepJobs: readonly string[]
  /** How a piece of media is sent to somebody; under another name where one is given. */
  served(media: LiveMedia, requester: MediaRequester | undefined, fileName?: string): ServedFile
  /** How media of other servers is had; without it there is none. */
  useRemoteMedia(source: RemoteSource): void
  /** Deletes media that was made for a message which was never sent; what some message shows stays. */
  discard(tx: Tx, refs: readonly MediaRef[]): Promise<void>
  /** For files on their way in or out; it is empty after a start. */
  readonly spool: Spool
  /** A server has deleted media of its own: the copy here goes too. */
  dropCopy(ref: MediaRef): Promise<void>
  /** Someone who wants to be forgotten takes all media along. */
  userDeactivated(tx: Tx, account: { userId: UserId; erase: boolean }): Promise<void>
  readonly part: Part
}

/** Composes the media repository. */
export function createMedia({ db, clock, log, jobs, accounts, fetch, options }: MediaDeps): Media {
  const { folder, serverName } = options
  const spool = createSpool(join(folder, 'tmp'))
  const store = createStore(options.storage.kind, options.storage, { folder, spool, clock, log })
  const blobs = createBlobs({ db, clock, log, jobs, store })
  const sweepOrphans = createOrphanSweep({ db, clock, log, store })
  jobs.handle('media.orphans', (_payload, signal) => sweepOrphans(signal))
  jobs.schedule('33 4 * * *', 'media.orphans')
  const traffic = createTraffic()
  const accesses = createAccesses({ db, clock, log })
  const retention = createRetention({ db, clock, log, jobs, blobs, accesses, policy: options.retention })
  jobs.schedule(options.retentionSchedule, retentionJob)
  const waiters = createUploadWaiters(clock)
  const remote = createRemoteMedia({ db, clock, blobs, spool, maxBytes: options.maxUpload })
  const delivery = createDelivery({ db, clock, log, jobs, accounts, blobs, options })
  const ffmpeg = createFfmpeg({ isInstalled: options.hasFfmpeg })
  const pictures = createPictures({ db, log, blobs })
  const thumbnails = createThumbnails({ db, log, blobs, spool, pictures, ffmpeg, accesses, ...options })
  const inspector = createInspector({
    db,
    log,
    jobs,
    blobs,
    ffmpeg,
    pictures,
    thumbnails,
    maxPixels: options.maxPixels,
  })
  const stripper = createStripper({
    log,
    spool,
    pictures,
    ffmpeg,
    maxPixels: options.maxPixels,
    maxBytes: options.maxUpload,
  })
  const previewDeps = { db, clock, log, blobs, spool, pictures, fetch, serverName }
  const previews = createPreviews({ ...previewDeps, options: options.previews })
  const copies = createRemoteCopies({ db, clock, blobs, serverName })
  const sweeper = createSweeper({
    db,
    clock,
    log,
    jobs,
    blobs,
    previews,
    copies,
    delivery,
    intervalMs: options.sweepInterval,
  })
  return {
    uploads: createUploads({
      db,
      clock,
      accounts,
      blobs,
      spool,
      inspector,
      stripper,
      waiters,
      traffic,
      declarations: delivery,
      options,
    }),
    downloads: createDownloads({ db, clock, serverName, waiters, remote, accesses }),
    thumbnails,
    previews,
    delivery,
    ffmpeg,
    inspector,
    retention,
    measure: createMeasures({ db, clock }),
    traffic,
    quarantine: createQuarantine({ db, clock, jobs }),
    catalogue: createCatalogue({ db, clock, blobs, accesses }),
    due: (limit) => listDueMedia({ db, delivery, retention }, limit),
    sweepJobs: [retentionJob, sweepJob],
    served: (media, requester, fileName) => {
      const isFollowed = requester !== undefined && delivery.wantsFetches(media, requester)
      const { blob, contentType: declared, fileName: ownName } = media
      const contentType = servedType(declared, blob.detectedType)
      const kind = isInline(contentType) ? 'inline' : 'attachment'
      const disposition = contentDisposition(kind, fileName ?? ownName)
      const { link } = blobs
      return {
        contentType,
        disposition,
        // Who has a file that is followed must be known, so that it comes from here.
        link: link && !media.isFollowed ? () => link(blob, { contentType, disposition }) : undefined,
        size: blob.size,
        sha256: blob.sha256,
        isEphemeral: media.isEphemeral,
        open: (range) => blobs.open(blob, range),
        onSent: (part) => {
          addFile(traffic.downloads[media.origin === serverName ? 'local' : 'remote'], part.end - part.start + 1)
          if (requester && isFollowed) delivery.fetched(media, requester, part)
        },
      }
    },
    useRemoteMedia: remote.use,
    discard: createDiscard({ clock, blobs }),
    spool,
    dropCopy: copies.drop,
    userDeactivated: createEraser({ db, clock, jobs, blobs }),
    part: {
      name: 'media',
      start: async () => {
        await settleStorage(db, store, options.storage.kind, log)
        if (!options.hasFfmpeg) log.info('ffmpeg and ffprobe are missing: videos have no thumbnails')
        await spool.clear()
        await blobs.recover()
        sweeper.start()
      },
      stop: async () => {
        sweeper.stop()
        await ffmpeg.stop()
        await delivery.idle()
        await accesses.flush()
        store.close()
      },
    },
  }
}
