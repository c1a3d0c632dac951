import type { Readable } from 'node:stream'
import type { Database } from '../../../db/database.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import type { EventId } from '../../../matrix/ids.ts'
import type { Media } from '../../../media/media.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { Log } from '../../../util/log.ts'
import { listAudit } from '../audit/store-audit.ts'
import { findRecording } from '../open-recording.ts'
import { type ArchivedNote, type ArchiveFilter, listNotesOf } from './store-archive.ts'
import { createZipWriter, type ZipEntry, type ZipWriter } from './zip-writer.ts'

export type { ArchiveFilter } from './store-archive.ts'

/** Notes and what was done in whose name, for whoever must keep or hand over such things. */
export interface NoteArchive {
  /**
   * A zip file with `notes.jsonl` (facts, transcript and event of each note), `audit.jsonl`, `media/NUMBER.ogg|mp4` of those
   * that are still there, and `SHA256SUMS`. The stream fails where something goes wrong half-way.
   */
  export(filter: ArchiveFilter, signal: AbortSignal): Readable
}

export interface ArchiveDeps {
  readonly db: Database
  readonly log: Log
  readonly media: Pick<Media, 'downloads' | 'served'>
  readonly rooms: Pick<Rooms, 'reads'>
}

interface Kept extends ZipEntry {
  readonly name: string
}

const pageSize = 200

export function createNoteArchive({ db, log, media, rooms }: ArchiveDeps): NoteArchive {
  async function* notesOf(filter: ArchiveFilter): AsyncGenerator<ArchivedNote> {
    for (let after = 0, isMore = true; isMore; ) {
      const from = after
      const page = await db.read((reader) => listNotesOf(reader, filter, { after: from, limit: pageSize }))
      yield* page
      after = page.at(-1)?.note_nid ?? after
      isMore = page.length === pageSize
    }
  }

  async function* auditLines({ userId, roomId, fromTs: from, toTs: to }: ArchiveFilter): AsyncGenerator<string> {
    for (let before: number | undefined, isMore = true; isMore; ) {
      const older = { userId, roomId, from, to, before }
      const page = await db.read((reader) => listAudit(reader, older, pageSize))
      for (const { audit_nid: _nid, ...entry } of page) yield `${JSON.stringify(entry)}\n`
      before = page.at(-1)?.audit_nid
      isMore = page.length === pageSize
    }
  }

  async function* noteLines(filter: ArchiveFilter, kept: ReadonlyMap<string, Kept>): AsyncGenerator<string> {
    for await (const note of notesOf(filter)) {
      const { note_nid: _nid, stream_pos: _pos, reminded: _reminded, ...facts } = note
      // The rows are ours.
      const event = await db.read((reader) => rooms.reads.eventById(reader, note.event_id as EventId))
      yield `${JSON.stringify({ ...facts, media: kept.get(note.note_id) ?? null, event: event?.pdu ?? null })}\n`
    }
  }

  /** The recording of a note; undefined where it has been deleted. */
  async function open({ mxc }: ArchivedNote, signal: AbortSignal): Promise<Readable | undefined> {
    if (mxc === null) return undefined
    try {
      const options = { timeoutMs: 0, allowRemote: false, signal, isQuarantineIgnored: true }
      return await (await findRecording(media, mxc, options)).open()
    } catch (error) {
      // Anything else than its absence must not pass for a deletion.
      if (!(error instanceof MatrixError)) throw error
      log.debug({ err: error, mxc }, 'a note without its recording')
      return undefined
    }
  }

  async function write(zip: ZipWriter, filter: ArchiveFilter, signal: AbortSignal): Promise<void> {
    const kept = new Map<string, Kept>()
    for await (const note of notesOf(filter)) {
      const recording = await open(note, signal)
      if (!recording) continue
      // Other servers choose the ids of their notes.
      const name = `media/${note.note_nid}.${note.kind === 'video' ? 'mp4' : 'ogg'}`
      kept.set(note.note_id, { name, ...(await zip.add(name, recording, new Date(note.sent_ts))) })
    }
    await zip.add('notes.jsonl', noteLines(filter, kept))
    await zip.add('audit.jsonl', auditLines(filter))
    await zip.end()
  }

  return {
    export: (filter, signal) => {
      const zip = createZipWriter(signal)
      write(zip, filter, signal).catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: error }, 'an export of notes was broken off')
        zip.fail(error instanceof Error ? error : new Error(String(error)))
      })
      return zip.output
    },
  }
}
