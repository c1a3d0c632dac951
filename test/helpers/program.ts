import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Program {
  readonly child: ChildProcess
  /** Resolves with what was printed as soon as it matches; rejects when the program ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves with the exit code and everything that was printed. */
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

/** Runs `ringback ...args` as a process of its own, with nothing of our environment but PATH. */
export function startProgram(
  args: string[],
  options: {
    env?: Record<string, string>
    cwd?: string
    input?: string
    /** Another Node, or another copy of the program. */
    node?: string | undefined
    script?: string
  } = {},
): Program {
  const script = options.script ?? join(root, 'bin/ringback.js')
  const child = spawn(options.node ?? process.execPath, [script, ...args], {
    cwd: options.cwd ?? root,
    env: { PATH: process.env.PATH ?? '', ...options.env },
  })
  child.stdin.end(options.input ?? '')
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }))
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(stdout + stderr)
        if (!match) return
        child.stdout.off('data', look)
        child.stderr.off('data', look)
        resolve(match)
      }
      child.stdout.on('data', look)
      child.stderr.on('data', look)
      look()
      ended.then(() => reject(new Error(`the program ended without printing ${pattern}:\n${stdout}${stderr}`)), reject)
    })
  return { child, printed, ended }
}

/** A new empty folder that is removed when the test ends. */
export function temporaryFolder(t: { after(fn: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringback-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
