import type { Duplex } from 'node:stream'

/**
 * Carries bytes both ways until one side ends; a side that reads slowly slows down the other. Cuts both off where nothing
 * comes from either for `idleMs`, or on the signal. `onEnd` is called once.
 */
export function joinSockets(
  a: Duplex,
  b: Duplex,
  { idleMs, signal, onEnd }: { idleMs: number; signal: AbortSignal; onEnd: () => void },
): void {
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const end = () => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
    a.destroy()
    b.destroy()
    onEnd()
  }
  timer = setTimeout(end, idleMs)
  timer.unref()
  signal.addEventListener('abort', end, { once: true })
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.on('data', () => timer?.refresh())
    from.on('close', end)
    from.on('error', end)
    // What has come before the end still goes out.
    from.pipe(to)
  }
  if (signal.aborted || a.destroyed || b.destroyed) end()
}
