/**
 * @typedef {{ pos: number, type: string, [key: string]: any }} Frame
 * @typedef {object} LiveOptions
 * @property {string} token
 * @property {(frame: Frame) => void} onFrame what happened, each once and in order
 * @property {() => void} onReset something may have been missed: what the page shows is to be loaded
 * @property {(isOpen: boolean) => void} [onState]
 * @property {() => void} [onEnd] the session is over
 */

const path = '/_ringback/v1/live'
const firstDelay = 1000
const longestDelay = 30_000
/** What the server closes a socket with. */
const codes = { signedOut: 4001, positionGone: 4010 }

/**
 * Keeps a socket open, and takes up where the last one ended. Returns what closes it.
 * @param {LiveOptions} options
 */
export function openLive({ token, onFrame, onReset, onState, onEnd }) {
  /** @type {number | 'now'} */
  let from = 'now'
  let delay = firstDelay
  let isClosed = false
  /** @type {WebSocket | undefined} */
  let socket
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer

  function open() {
    clearTimeout(timer)
    const address = new URL(`${path}?from=${from}`, location.href)
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
    const current = new WebSocket(address, ['ringback.live.v1', `bearer.${token}`])
    socket = current
    current.addEventListener('open', () => {
      delay = firstDelay
      onState?.(true)
    })
    current.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(data)
      from = frame.pos
      if (frame.type === 'position') onReset()
      else onFrame(frame)
    })
    current.addEventListener('close', ({ code }) => {
      if (isClosed || current !== socket) return
      onState?.(false)
      if (code === codes.signedOut) return onEnd?.()
      if (code === codes.positionGone) from = 'now'
      timer = setTimeout(open, delay * (0.5 + Math.random() / 2))
      delay = Math.min(delay * 2, longestDelay)
    })
  }

  const wakeUp = () => {
    if (!isClosed && socket?.readyState === WebSocket.CLOSED) open()
  }
  addEventListener('online', wakeUp)
  open()
  return () => {
    isClosed = true
    clearTimeout(timer)
    removeEventListener('online', wakeUp)
    socket?.close()
  }
}
