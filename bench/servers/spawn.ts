import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, Connection } from '../http/connection.ts'

const START_LIMIT_MS = 120_000
const STOP_LIMIT_MS = 20_000
const living = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

/** A started process that answers requests. */
export interface Spawned {
  child: ChildProcess
  pid: number
  startMs: number
}

/** A loopback port that nobody used a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (bound === null || typeof bound === 'string') throw new Error('no free port was found')
  return bound.port
}

/** Starts a program with its output in `logFile`, and resolves when it answers `GET /_matrix/client/versions`. */
export async function spawnServer(
  argv: readonly [string, ...string[]],
  options: { cwd: string; env: NodeJS.ProcessEnv; logFile: string; ipc?: boolean },
  address: Address,
): Promise<Spawned> {
  const log = openSync(options.logFile, 'a')
  const [program, ...rest] = argv
  const stdio: SpawnOptions['stdio'] = options.ipc === true ? ['ignore', log, log, 'ipc'] : ['ignore', log, log]
  const start = performance.now()
  const child = spawn(program, rest, { cwd: options.cwd, env: options.env, stdio })
  closeSync(log)
  let failure: string | undefined
  living.add(child)
  child.on('error', (error) => {
    failure = error.message
  })
  child.on('exit', (code, signal) => {
    living.delete(child)
    failure ??= `it ended with ${signal ?? code}`
  })
  while (performance.now() - start < START_LIMIT_MS && failure === undefined) {
    if (await answers(address)) return { child, pid: requirePid(child), startMs: performance.now() - start }
    await sleep(5)
  }
  child.kill('SIGKILL')
  throw new Error(`${program} did not start: ${failure ?? 'no answer in time'}\n${tail(options.logFile)}`)
}

/** Asks a process to end, and ends it by force when it does not within 20 s. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
  await ended
  clearTimeout(force)
}

async function answers(address: Address): Promise<boolean> {
  const connection = new Connection(address)
  try {
    return (await connection.request('GET', '/_matrix/client/versions')).status === 200
  } catch {
    return false
  } finally {
    connection.close()
  }
}

function requirePid(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('the process has no id')
  return child.pid
}

function tail(logFile: string): string {
  return existsSync(logFile) ? readFileSync(logFile, 'utf8').slice(-2000) : ''
}
