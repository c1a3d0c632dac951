import { cpus, loadavg, release, totalmem } from 'node:os'
import { syncWriteMs } from '../measure/disk.ts'
import type { Machine } from './result.ts'

/** Describes this machine, and the disk that holds `folder`. */
export function describeMachine(folder: string): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    syncWriteMs: Number(syncWriteMs(folder).toFixed(3)),
    loadBefore: loadavg()[0] ?? Number.NaN,
  }
}
