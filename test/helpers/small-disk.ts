import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of a few MiB in memory. */
export interface SmallDisk {
  readonly path: string
  /** Writes until nothing more fits. */
  fill(): void
  /** Gives the space back that `fill` took. */
  free(): void
  /** From now on nothing on it can be changed; no file of it may be open. */
  makeReadOnly(): void
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'ignore' })
}

function mount(path: string, mebibytes: number): void {
  run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'ringback-test', path)
}

/** Why this machine cannot make small disks, or false: for the `skip` option of a test. */
export const smallDiskMissing: string | false = findOut()

function findOut(): string | false {
  const path = mkdtempSync(join(tmpdir(), 'ringback-test-'))
  try {
    mount(path, 1)
    run('umount', path)
    return false
  } catch {
    return 'file systems cannot be mounted here (it takes root)'
  } finally {
    rmSync(path, { recursive: true })
  }
}

/** Mounts a small disk until the test ends. */
export function smallDisk(t: { after(fn: () => void): void }, mebibytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'ringback-test-'))
  mount(path, mebibytes)
  t.after(() => {
    // Lazily: what the test has started may still be ending.
    run('umount', '-l', path)
    rmSync(path, { recursive: true })
  })
  const filler = join(path, 'filler')
  return {
    path,
    fill: () => {
      for (const size of [65_536, 4096, 1]) while (appends(filler, size));
    },
    free: () => rmSync(filler),
    makeReadOnly: () => run('mount', '-o', 'remount,ro', path),
  }
}

function appends(path: string, size: number): boolean {
  try {
    writeFileSync(path, Buffer.alloc(size), { flag: 'a' })
    return true
  } catch {
    return false
  }
}
