import { readFileSync } from 'node:fs'

/** Linux counts processor time in hundredths of a second on every common architecture. */
const TICKS_PER_SECOND = 100

/** Processor time that the processes have used so far, in ms; NaN where /proc is missing or a process has ended. */
export function cpuMs(pids: readonly number[]): number {
  return sum(pids, (pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may hold spaces; the fields after it start with the third.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND
  })
}

/** Resident memory of the processes in MiB; NaN where it cannot be read. */
export function rssMib(pids: readonly number[]): number {
  return sum(pids, (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024)
}

/** Bytes that the processes have caused to be written to disk; NaN where it cannot be read. */
export function writtenBytes(pids: readonly number[]): number {
  return sum(pids, (pid) => Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1]))
}

/** How many files (and sockets) a process may have open; Infinity where there is no limit to be read. */
export function openFileLimit(pid: number): number {
  try {
    const limit = /Max open files\s+(\d+)/.exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))?.[1]
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

function sum(pids: readonly number[], read: (pid: number) => number): number {
  if (pids.length === 0) return Number.NaN
  try {
    return pids.reduce((total, pid) => total + read(pid), 0)
  } catch {
    return Number.NaN
  }
}
