import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Windows has no shell that could set limits. */
const program = process.platform === 'win32' ? 'ffprobe' : fileURLToPath(new URL('limited-ffprobe.sh', import.meta.url))
const longestReport = 1024 * 1024
const longestMs = 20_000
const run = promisify(execFile)

/**
 * What ffprobe prints as JSON about a file. It is run without fluent-ffmpeg, which has no way to stop it. Throws where it
 * fails, takes too long or says too much, and when the signal is aborted.
 */
export async function runFfprobe(path: string, format: string, signal: AbortSignal): Promise<string> {
  const input = ['-protocol_whitelist', 'file', '-f', format, '-threads', '1', '-i', path]
  const args = ['-v', 'error', '-of', 'json', '-show_streams', '-show_format', ...input]
  const options = { signal, timeout: longestMs, maxBuffer: longestReport, killSignal: 'SIGKILL' } as const
  try {
    return (await run(program, args, options)).stdout
  } catch (error) {
    signal.throwIfAborted()
    // The codes of its exits are numbers; a string tells that it could not be started.
    throw isExit(error) ? new Error('ffprobe cannot read the file', { cause: error }) : error
  }
}

function isExit(error: unknown): boolean {
  return error instanceof Error && !('code' in error && typeof error.code === 'string' && error.code.startsWith('E'))
}
