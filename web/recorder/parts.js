import { ApiError } from '../shared/api.js'
import { h, messageOf } from '../shared/dom.js'

/**
 * @typedef {import('./capture.js').Kind} Kind
 * @typedef {import('./capture.js').Recording} Recording
 * @typedef {import('./capture.js').Source} Source
 */

const names = { voice: 'Voice', video: 'Video' }

/** What went wrong. @param {string | undefined} text */
export const problem = (text) => text !== undefined && h('p', { className: 'bad', role: 'alert' }, text)

/** @param {readonly Kind[]} kinds @param {Kind} chosen @param {(kind: Kind) => void} onChange */
export function kindSwitch(kinds, chosen, onChange) {
  const choices = kinds.map((kind) => {
    const onchange = () => onChange(kind)
    const input = h('input', { type: 'radio', name: 'kind', value: kind, checked: kind === chosen, onchange })
    return h('label', { className: 'choice' }, input, h('span', {}, names[kind]))
  })
  return h('fieldset', { className: 'choices' }, h('legend', { className: 'unseen' }, 'Kind of note'), ...choices)
}

/** Where nothing can be recorded here, what was recorded elsewhere will do. @param {Kind} kind @param {(file: File) => void} onFile */
export function filePicker(kind, onFile) {
  const input = h('input', { type: 'file', accept: kind === 'voice' ? 'audio/*' : 'video/*', id: 'file' })
  input.setAttribute('capture', 'user')
  input.addEventListener('change', () => {
    const [file] = input.files ?? []
    if (file) onFile(file)
  })
  return h('div', {}, h('label', { for: 'file' }, 'Choose a recording instead'), input)
}

/** People see themselves as in a mirror. @param {Source} source */
export function cameraView(source) {
  const video = h('video', { muted: true, autoplay: true, srcObject: source.stream })
  video.setAttribute('playsinline', '')
  video.setAttribute('aria-label', 'What the camera sees')
  return h('div', { className: 'stage round mirrored' }, video)
}

/**
 * What cannot be sent is not lost.
 * @param {Recording} recording
 * @param {(close: () => void) => void} onClose
 */
export function saveLink({ blob, kind }, onClose) {
  const href = URL.createObjectURL(blob)
  onClose(() => URL.revokeObjectURL(href))
  const ending = /^\w+\/(\w+)/.exec(blob.type)?.[1] ?? 'webm'
  const link = h('a', { href, download: `${kind}-note.${ending}` }, 'Save the recording on this device')
  return h('p', { className: 'center save' }, link)
}

/** @param {unknown} error @param {boolean} isPerhapsSent an earlier try may have reached the server */
export function failureOf(error, isPerhapsSent) {
  if (isPerhapsSent) return 'The note has probably arrived after all: look into your chat. This link has done its work.'
  if (error instanceof ApiError && error.status === 413) return 'The recording is too large. Record a shorter one.'
  return messageOf(error)
}

/** `12 seconds`. @param {number} ms */
export function spoken(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000))
  if (seconds < 120) return seconds === 1 ? '1 second' : `${seconds} seconds`
  return `${Math.round(seconds / 60)} minutes`
}
