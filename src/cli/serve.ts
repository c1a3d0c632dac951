import { loadConfig } from '../config/load.ts'
import { createServer, type Server } from '../server.ts'
import { createLog, type Log } from '../util/log.ts'
import type { Output } from './command.ts'
import { explainError, isExpected } from './explain-error.ts'

/** A supervisor kills what has not ended ten seconds after its signal. */
const stopWithinMs = 9_500

/**
 * Runs the server until SIGTERM or SIGINT and resolves with the exit code. A start that fails is one sentence on stderr.
 */
export async function serve({
  stderr,
  configFile,
}: {
  stderr: Output
  configFile?: string | undefined
}): Promise<number> {
  let log: Log | undefined
  try {
    const { config, warnings, source } = loadConfig(configFile === undefined ? {} : { file: configFile })
    log = createLog(config.log)
    const stopRequested = onStopSignal(log)
    surviveStrayErrors(log)
    for (const warning of warnings) log.warn(warning)
    const server = await createServer(config, { log })
    await server.start()
    process.on('SIGHUP', () => void reload(server, log))
    log.info({ source: source ?? 'defaults' }, `Ringback serves ${config.server_name} at ${server.urls.join(' and ')}`)
    await stopRequested
    await server.stop()
    log.info('Ringback has stopped')
    return 0
  } catch (error) {
    if (!isExpected(error)) log?.debug({ err: error }, 'start failed')
    stderr.write(`${explainError(error)}\n`)
    return 1
  }
}

/** Resolves at the first signal to stop; from then on the process ends in time, whatever still hangs. */
function onStopSignal(log: Log): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false
    const stop = (signal: string) => {
      if (stopping) return
      stopping = true
      log.info(`${signal}: finishing what is under way`)
      setTimeout(() => {
        log.warn('some requests did not finish in time')
        process.exit(0)
      }, stopWithinMs).unref()
      resolve()
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
}

function surviveStrayErrors(log: Log): void {
  // A reader of the log that goes away must not take the server with it.
  process.stdout.on('error', () => {})
  process.on('unhandledRejection', (reason) => log.error({ err: reason }, 'a background task failed'))
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'the server stops because of an error that nothing expected')
    process.exit(1)
  })
}

async function reload(server: Server, log: Log | undefined): Promise<void> {
  try {
    await server.reload()
    log?.info('SIGHUP: certificates and registration files were read again')
  } catch (error) {
    log?.error(`SIGHUP: ${explainError(error)}`)
  }
}
