import { fileURLToPath } from 'node:url'

export interface FfmpegRun {
  readonly path: string
  /** The container that the file is read as, as ffmpeg calls it. */
  readonly format: string
  readonly inputOptions: readonly string[]
  readonly outputOptions: readonly string[]
  /** Where the result goes; what is there is replaced. */
  readonly target: string
  readonly maxMs: number
  /** Whether everything else on the machine goes first; default yes. */
  readonly isNice?: boolean | undefined
}

/** Windows has no shell that could set limits. */
const program = process.platform === 'win32' ? 'ffmpeg' : fileURLToPath(new URL('limited-ffmpeg.sh', import.meta.url))
const linesOfLog = 30

/**
 * Runs ffmpeg on one file and resolves with the last lines of what it says. The only place that knows fluent-ffmpeg, which
 * nobody maintains any more. Throws where ffmpeg fails or takes too long, and, once it has been killed, the reason of an
 * aborted signal.
 */
export async function runFfmpeg(options: FfmpegRun, signal: AbortSignal): Promise<string> {
  const { path, format, inputOptions, outputOptions, target, maxMs, isNice = true } = options
  const { default: ffmpeg } = await import('fluent-ffmpeg')
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const command = ffmpeg({ source: path, timeout: maxMs / 1000, niceness: isNice ? 10 : 0, stdoutLines: linesOfLog })
    .setFfmpegPath(program)
    .inputOptions(['-nostdin', '-protocol_whitelist', 'file', '-f', format, '-threads', '1', ...inputOptions])
    .outputOptions([...outputOptions, '-threads', '1'])
    .on('end', (_stdout, log) => resolve(log ?? ''))
    .on('error', (error) => {
      // The code tells that it could not be started at all.
      const isMachine = 'code' in error && typeof error.code === 'string'
      reject(signal.aborted ? signal.reason : isMachine ? error : new Error(error.message))
    })
  const kill = () => command.kill('SIGKILL')
  // Before this event there is no process that could be killed.
  command.on('start', () => (signal.aborted ? kill() : signal.addEventListener('abort', kill, { once: true })))
  command.save(target)
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', kill)
  }
}
