import { stat } from 'node:fs/promises'
import { ClientGoneError } from '../../http/client-gone.ts'
import { errors } from '../../matrix/errors.ts'
import { createSemaphore } from '../../util/semaphore.ts'
import { inputFormatOf } from './input-formats.ts'
import { type RecordingFacts, readRecordingFacts } from './recording-facts.ts'
import { runFfmpeg } from './run-ffmpeg.ts'
import { runFfprobe } from './run-ffprobe.ts'

/** A file on this machine. */
export interface Recording {
  readonly path: string
  /** Its media type, as its first bytes show it. */
  readonly type: string
}

export interface Conversion {
  /** Where the result goes. */
  readonly target: string
  /** Output options of ffmpeg: codecs, filters and `-f` with the container. */
  readonly options: readonly string[]
  /** The largest result in bytes. */
  readonly maxBytes: number
  /** Default a minute. */
  readonly maxMs?: number
  readonly inputOptions?: readonly string[]
  /** Whether everything else on the machine goes first; default yes. */
  readonly isNice?: boolean
}

/**
 * Sound and moving pictures, read by programs outside this process: few at a time, each with limits of memory, time and
 * threads, and none of them may open anything but the one file. All throw for what is no recording, where a limit is
 * exceeded, a `ClientGoneError` when the signal is aborted, an error with code `ECANCELED` when the server stops, and
 * `M_LIMIT_EXCEEDED` when too many wait.
 */
export interface Ffmpeg {
  /** Whether ffmpeg and ffprobe are on this machine. Without them the rest throws. */
  readonly isInstalled: boolean
  canRead(type: string): boolean
  probe(recording: Recording, signal: AbortSignal): Promise<RecordingFacts>
  /** Writes the most telling of a video's first pictures to `target`, as PNG of at most 1280 pixels a side. */
  poster(recording: Recording, options: { target: string; maxPixels: number }, signal: AbortSignal): Promise<void>
  /** How long its packets go on, in ms, whatever its header says; null where there are none. */
  measure(recording: Recording, signal: AbortSignal): Promise<number | null>
  /** Writes another form of a recording to `target`, where nobody else may write; resolves with what ffmpeg said last. */
  convert(recording: Recording, conversion: Conversion, signal: AbortSignal): Promise<string>
  /** Kills what is under way. */
  stop(): Promise<void>
}

const runsAtATime = 2
const mostWaiting = 200
const posterMs = 20_000
const measureMs = 30_000
const conversionMs = 60_000
const longestPosterSide = 1280

export function createFfmpeg({ isInstalled }: { isInstalled: boolean }): Ffmpeg {
  const turns = createSemaphore(runsAtATime)
  const stopping = new AbortController()
  const underWay = new Set<Promise<unknown>>()

  async function inTurn<T>(
    { type }: Recording,
    signal: AbortSignal,
    task: (format: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const format = inputFormatOf(type)
    if (!isInstalled || format === undefined) throw new Error(`${type} cannot be read here`)
    if (turns.waiting >= mostWaiting) throw errors.limitExceeded(5_000, 'Too many recordings are being read')
    const either = AbortSignal.any([signal, stopping.signal])
    const running = turns.run(() => task(format, either), either)
    underWay.add(running)
    try {
      return await running
    } catch (error) {
      throw signal.aborted ? new ClientGoneError('nobody waits for the recording any more') : error
    } finally {
      underWay.delete(running)
    }
  }

  /** Recordings of browsers do not say how long they are, so that their packets are read to the end. */
  async function measure(path: string, format: string, signal: AbortSignal): Promise<number | null> {
    const outputOptions = ['-map', '0', '-c', 'copy', '-f', 'null']
    const log = await runFfmpeg(
      { path, format, inputOptions: [], outputOptions, target: '/dev/null', maxMs: measureMs },
      signal,
    )
    const [, hours = 0, minutes = 0, seconds] = [...log.matchAll(/time=(\d+):(\d+):(\d+\.\d+)/g)].at(-1) ?? []
    return seconds === undefined
      ? null
      : Math.round((Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000)
  }

  return {
    isInstalled,
    canRead: (type) => isInstalled && inputFormatOf(type) !== undefined,
    probe: (recording, signal) =>
      inTurn(recording, signal, async (format, either) => {
        const facts = readRecordingFacts(await runFfprobe(recording.path, format, either))
        return facts.durationMs === null
          ? { ...facts, durationMs: await measure(recording.path, format, either) }
          : facts
      }),
    measure: (recording, signal) =>
      inTurn(recording, signal, (format, either) => measure(recording.path, format, either)),
    poster: (recording, { target, maxPixels }, signal) =>
      inTurn(recording, signal, async (format, either) => {
        const side = longestPosterSide
        const fit = `scale='min(${side},iw)':'min(${side},ih)':force_original_aspect_ratio=decrease`
        const frame = ['-map', '0:v:0', '-vf', `thumbnail=24,${fit}`, '-frames:v', '1', '-map_metadata', '-1']
        const run = {
          path: recording.path,
          format,
          inputOptions: ['-max_pixels', String(maxPixels)],
          outputOptions: [...frame, '-c:v', 'png', '-f', 'image2pipe'],
          target,
          maxMs: posterMs,
        }
        await runFfmpeg(run, either)
      }),
    convert: (recording, { target, options, maxBytes, maxMs = conversionMs, inputOptions = [], isNice }, signal) =>
      inTurn(recording, signal, async (format, either) => {
        // ffmpeg stops quietly where a file would exceed the size that it was given.
        const outputOptions = [...options, '-fs', String(maxBytes + 1)]
        const { path } = recording
        const run = { path, format, inputOptions, outputOptions, target, maxMs, isNice }
        const log = await runFfmpeg(run, either)
        const { size } = await stat(target)
        if (size > maxBytes) throw new Error('the converted recording is too large')
        return log
      }),
    stop: async () => {
      stopping.abort(new ServerStopsError())
      await Promise.allSettled(underWay)
    },
  }
}

/** Not the fault of a recording. */
class ServerStopsError extends Error {
  readonly code = 'ECANCELED'
  constructor() {
    super('the server stops')
  }
}
