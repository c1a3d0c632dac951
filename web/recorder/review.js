import { ApiError } from '../shared/api.js'
import { announce, h } from '../shared/dom.js'
import { data, heading, keep, show, state, token } from './page.js'
import { failureOf, problem, saveLink, spoken } from './parts.js'
import { createPlayer } from './player.js'
import { sendRecording, UnreachedError } from './upload.js'

/** @typedef {import('./capture.js').Recording} Recording */

/** @param {Recording} recording @param {() => void} onAgain @param {{ failure?: string, caption?: string, isOver?: boolean }} [after] */
export function review(recording, onAgain, { failure, caption = '', isOver = false } = {}) {
  state.isUnsaved = true
  const player = createPlayer(recording)
  const text = h('input', { id: 'caption', maxLength: 1000, value: caption, autocomplete: 'off' })
  const send = h('button', { type: 'button' }, failure === undefined ? 'Send' : 'Send again')
  const again = h('button', { className: 'plain', type: 'button' }, 'Record again')
  send.addEventListener('click', () => void deliver(recording, onAgain, text.value.trim()))
  again.addEventListener('click', () => {
    state.isUnsaved = false
    onAgain()
  })
  const isTooQuiet = recording.levels.length > 0 && Math.max(...recording.levels) < 0.004
  show(
    problem(failure),
    isTooQuiet && h('p', { className: 'notice' }, 'There is nothing to be heard. Is the microphone on?'),
    player.stage,
    player.element,
    !isOver && h('label', { for: 'caption' }, 'A line of text with it (optional)'),
    !isOver && text,
    !isOver && h('div', { className: 'actions' }, again, send),
    failure !== undefined && saveLink(recording, keep),
  )
  keep(player.close)
  if (isOver) heading.focus()
  else send.focus()
  if (failure === undefined)
    announce(`Recorded ${spoken(recording.durationMs)}. Listen to it, record again, or send it.`)
}

/** @param {Recording} recording @param {() => void} onAgain @param {string} caption */
async function deliver(recording, onAgain, caption) {
  const { blob } = recording
  if (blob.size > data.largest[recording.kind]) {
    return review(recording, onAgain, { failure: 'The recording is too large. Record a shorter one.', caption })
  }
  const gauge = h('progress', { max: 1, value: 0, 'aria-label': 'Sent' })
  const label = h('p', { className: 'center' }, 'Sending…')
  show(label, gauge)
  heading.focus()
  announce('Sending.')
  try {
    const { duration_ms: durationMs } = await sendRecording(token, { ...recording, caption }, (part) => {
      gauge.value = part
      if (part === 1) {
        label.textContent = 'The server prepares your note…'
        gauge.removeAttribute('value')
      }
    })
    state.isUnsaved = false
    showSent(durationMs)
  } catch (error) {
    const isOver = error instanceof ApiError && error.status === 403
    const failure = failureOf(error, isOver && state.isPerhapsSent && performance.now() < data.remainingMs)
    if (error instanceof UnreachedError) state.isPerhapsSent = true
    review(recording, onAgain, { failure, caption, isOver })
  }
}

/** @param {number} durationMs */
function showSent(durationMs) {
  state.isSent = true
  heading.textContent = 'Sent'
  document.title = 'Note sent'
  show(
    h('p', { className: 'sign', 'aria-hidden': 'true' }, '✓'),
    h('p', { className: 'center' }, `${data.peerName} gets your note of ${spoken(durationMs)}.`),
    h('p', { className: 'hint center' }, 'You can close this page.'),
  )
  heading.focus()
  announce(`Your note was sent to ${data.peerName}.`)
}
