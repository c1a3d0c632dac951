import { fill, h, mainElement, pageData } from '../shared/dom.js'

/**
 * @typedef {import('./capture.js').Kind} Kind
 * @typedef {{ kind: Kind, peerName: string, greeting?: string, maxLengthMs: number, remainingMs: number, largest: Record<Kind, number>, canConvert: boolean }} PageData
 */

export const data = /** @type {PageData} */ (pageData())
export const token = location.pathname.split('/').at(-1) ?? ''

export const state = {
  /** There is a recording that has not been sent. */
  isUnsaved: false,
  /** An answer to an upload may have been lost. */
  isPerhapsSent: false,
  isSent: false,
}

export const heading = h('h1', { tabIndex: -1 }, `Leave a note for ${data.peerName}`)
export const body = h('div')
fill(mainElement(), h('div', { className: 'card narrow recorder' }, heading, body))

addEventListener('beforeunload', (event) => {
  if (state.isUnsaved) event.preventDefault()
})

/** @type {(() => void)[]} */
let closers = []

/** Calls back before another view is shown. @param {() => void} close */
export const keep = (close) => void closers.push(close)

/** @param {...(Node | string | undefined | false)} children */
export function show(...children) {
  const ended = closers
  closers = []
  for (const close of ended) close()
  fill(body, ...children)
}

/** @param {string} selector */
export function focusOn(selector) {
  const element = body.querySelector(selector)
  if (element instanceof HTMLElement) element.focus()
}
