import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { median } from './stats.ts'

/** What the disk of a folder has room for. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

/** Sizes of all files under a folder in bytes, without logs. */
export function directoryBytes(folder: string): number {
  let total = 0
  for (const file of filesUnder(folder)) if (!file.endsWith('.log')) total += statSync(file).size
  return total
}

/** Moves what SQLite still keeps in write-ahead logs into the databases under a folder; their server must have stopped. */
export function checkpointDatabases(folder: string): void {
  for (const file of filesUnder(folder)) {
    if (!isSqlite(file)) continue
    const database = new DatabaseSync(file)
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
  }
}

/** How long a write of 4 KiB takes to reach the disk of a folder: the median of 100, in ms. */
export function syncWriteMs(folder: string): number {
  const path = join(folder, 'sync-write-probe')
  const file = openSync(path, 'w')
  const page = Buffer.alloc(4096, 1)
  const samples: number[] = []
  for (let n = 0; n < 100; n++) {
    const start = performance.now()
    writeSync(file, page)
    fdatasyncSync(file)
    samples.push(performance.now() - start)
  }
  closeSync(file)
  rmSync(path)
  return median(samples)
}

/** How many files of a size can be written, synced and renamed one after another, in files/s; measured for `ms`. */
export function writeDurably(folder: string, bytes: number, ms: number): number {
  const piece = Buffer.alloc(Math.min(bytes, 1024 * 1024), 1)
  const path = join(folder, 'durable-write-probe')
  const start = performance.now()
  let count = 0
  do {
    const file = openSync(`${path}.tmp`, 'w')
    for (let left = bytes; left > 0; left -= piece.length) writeSync(file, piece, 0, Math.min(left, piece.length))
    fdatasyncSync(file)
    closeSync(file)
    renameSync(`${path}.tmp`, path)
    const entries = openSync(folder, 'r')
    fsyncSync(entries)
    closeSync(entries)
    count++
  } while (performance.now() - start < ms)
  rmSync(path)
  return (count * 1000) / (performance.now() - start)
}

/** How many times a second a file of a size can be opened and read to its end, from the memory of the system where it fits; measured for `ms`. */
export function readAgain(folder: string, bytes: number, ms: number): number {
  const path = join(folder, 'read-probe')
  const piece = Buffer.alloc(Math.min(bytes, 128 * 1024), 1)
  const made = openSync(path, 'w')
  for (let left = bytes; left > 0; left -= piece.length) writeSync(made, piece, 0, Math.min(left, piece.length))
  closeSync(made)
  const start = performance.now()
  let count = 0
  do {
    const file = openSync(path, 'r')
    while (readSync(file, piece) > 0);
    closeSync(file)
    count++
  } while (performance.now() - start < ms)
  rmSync(path)
  return (count * 1000) / (performance.now() - start)
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function isSqlite(path: string): boolean {
  const file = openSync(path, 'r')
  const head = Buffer.alloc(15)
  readSync(file, head)
  closeSync(file)
  return head.toString('latin1') === 'SQLite format 3'
}
