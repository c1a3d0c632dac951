import type { Duplex } from 'node:stream'

export interface JoinOptions {
  /** How long both may be silent. */
  readonly idleMs: number
  readonly signal: AbortSignal
  /** Called once. */
  onEnd(): void
}

/** How long what is on its way may take when one side has ended. */
const lingerMs = 5_000

/**
 * Carries bytes both ways until one side ends; a side that reads slowly slows down the other. Cuts both off where nothing
 * comes from either, or on the signal.
 */
export function joinSockets(a: Duplex, b: Duplex, { idleMs, signal, onEnd }: JoinOptions): void {
  let isOver = false
  let isEnding = false
  const end = () => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
    a.destroy()
    b.destroy()
    onEnd()
  }
  let timer = setTimeout(end, idleMs).unref()
  signal.addEventListener('abort', end, { once: true })
  const carry = (from: Duplex, to: Duplex) => {
    from.on('data', () => isEnding || timer.refresh())
    from.on('error', end)
    from.on('close', () => {
      if (to.destroyed) return end()
      isEnding = true
      to.end()
      clearTimeout(timer)
      timer = setTimeout(end, lingerMs).unref()
    })
    from.pipe(to)
  }
  carry(a, b)
  carry(b, a)
  if (signal.aborted || a.destroyed || b.destroyed) end()
}
