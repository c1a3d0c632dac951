/** Links to the recorder, with somebody who takes its notes instead of the voicemail bot. */
import { execFileSync } from 'node:child_process'
import type { NewLink } from '../../src/bots/voicemail/recorder/links.ts'
import type { FinishedNote, SentNote } from '../../src/bots/voicemail/recorder/types.ts'
import type { EventId, RoomId } from '../../src/matrix/ids.ts'
import type { TestServer, TestUser } from './server.ts'

export const noteRoom = '!call:localhost' as RoomId

export function takeNotes(server: TestServer) {
  const notes: FinishedNote[] = []
  const taker = {
    notes,
    /** Replace it to refuse notes. */
    deliver: async (_note: FinishedNote): Promise<SentNote> => ({ eventId: '$note' as EventId, roomId: noteRoom }),
  }
  server.context.recorder.useDelivery((note) => {
    notes.push(note)
    return taker.deliver(note)
  })
  return taker
}

let prompts = 0

/** Makes a link and returns its token. */
export function makeLink(server: TestServer, user: TestUser, link: Partial<NewLink> = {}): Promise<string> {
  const { db, recorder, clock } = server.context
  return db.write('link', (tx) =>
    recorder.links.create(tx, {
      userId: user.userId,
      callId: 'call',
      roomId: noteRoom,
      promptId: `prompt ${++prompts}`,
      kind: 'voice',
      peerName: 'Bob',
      expiresTs: clock.now() + 600_000,
      ...link,
    }),
  )
}

export interface ProbedStream {
  readonly codec_name: string
  readonly codec_type: string
  readonly profile?: string
  readonly sample_rate?: string
  readonly channels?: number
  readonly width?: number
  readonly height?: number
  readonly pix_fmt?: string
  readonly tags?: Record<string, string>
}

export interface Probed {
  readonly streams: ProbedStream[]
  readonly format: {
    duration: string
    size: string
    bit_rate: string
    format_name: string
    tags?: Record<string, string>
  }
}

export function probe(path: string): Probed {
  const args = ['-v', 'error', '-of', 'json', '-show_streams', '-show_format', path]
  return JSON.parse(execFileSync('ffprobe', args).toString())
}

/** How loud a file is, in LUFS, and its highest sample in dBFS. */
export function loudnessOf(path: string): { integrated: number; peak: number } {
  const args = ['-nostats', '-i', path, '-af', 'ebur128=peak=sample:framelog=verbose', '-f', 'null', '-']
  const log = execFileSync('sh', ['-c', 'exec ffmpeg "$@" 2>&1', 'sh', ...args]).toString()
  return {
    integrated: Number(/I:\s+(-?[\d.]+) LUFS/.exec(log)?.[1]),
    peak: Number(/Peak:\s+(-?[\d.]+) dBFS/.exec(log)?.[1]),
  }
}
