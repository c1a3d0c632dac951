import { announce, h, lengthText, messageOf } from '../shared/dom.js'
import { formatFor, openSource, startRecording, whyNoFormat, whyNoRecording } from './capture.js'
import { createBars, levelsOf, listen } from './meter.js'
import { data, focusOn, keep, show, state } from './page.js'
import { cameraView, filePicker, kindSwitch, problem, spoken } from './parts.js'
import { review } from './review.js'

/**
 * @typedef {import('./capture.js').Kind} Kind
 * @typedef {import('./capture.js').Source} Source
 */

/** The call's own kind comes first. @type {Kind[]} */
const kinds = data.kind === 'video' ? ['video', 'voice'] : ['voice', 'video']

/** What was chosen in the chat. @type {Kind} */
let kind = kinds.find((one) => one === new URLSearchParams(location.search).get('kind')) ?? data.kind

const choice = () =>
  kindSwitch(kinds, kind, (chosen) => {
    kind = chosen
    showStart()
    focusOn(`input[value=${chosen}]`)
  })

/** A recording that was made elsewhere. @param {File} file */
async function take(file) {
  if (file.size > data.largest[kind]) return showStart('That file is too large.')
  const heard = await levelsOf(file)
  review({ kind, blob: file, levels: heard?.levels ?? [], durationMs: heard?.durationMs ?? 0 }, again)
}

function again() {
  showStart()
  focusOn('button')
}

/** @param {string} [failure] */
function showStart(failure) {
  const format = formatFor(kind, data.canConvert)
  const unsupported = whyNoRecording() ?? (format === undefined ? whyNoFormat(kind) : undefined)
  const action = kind === 'voice' ? 'Record' : 'Turn on the camera'
  const button = h('button', { className: 'wide', type: 'button', onclick: begin }, action)
  const bars = createBars()
  show(
    data.greeting !== undefined && h('blockquote', {}, data.greeting),
    choice(),
    problem(failure ?? unsupported),
    unsupported === undefined &&
      h('div', { className: kind === 'video' ? 'stage round empty' : 'stage' }, kind === 'voice' ? bars.canvas : ''),
    unsupported === undefined && button,
    (unsupported !== undefined || failure !== undefined) && data.canConvert && filePicker(kind, take),
    h('p', { className: 'hint center' }, `Up to ${spoken(data.maxLengthMs)}. Nothing is sent before you say so.`),
  )
  requestAnimationFrame(() => bars.draw([], { played: 0 }))

  async function begin() {
    button.disabled = true
    try {
      const source = await openSource(kind)
      if (kind === 'voice') record(source, format ?? '')
      else preview(source, format ?? '')
    } catch (error) {
      showStart(messageOf(error))
    }
  }
}

/** @param {Source} source @param {string} format */
function preview(source, format) {
  const button = h('button', { className: 'wide', type: 'button' }, 'Record')
  let isHandedOn = false
  button.addEventListener('click', () => {
    isHandedOn = true
    record(source, format)
  })
  show(choice(), cameraView(source), button)
  keep(() => isHandedOn || source.close())
  button.focus()
  announce('The camera is on.')
}

/** @param {Source} source @param {string} format */
function record(source, format) {
  const bars = createBars()
  const meter = listen(source.stream, (levels) => bars.draw(levels, { isLive: true }))
  const left = h('span', { className: 'time' })
  const gauge = h('progress', { max: data.maxLengthMs, value: 0, 'aria-label': 'Time used' })
  const button = h('button', { className: 'wide stop', type: 'button' }, 'Stop')
  const isVideo = kind === 'video'
  show(
    isVideo ? cameraView(source) : h('div', { className: 'stage' }, bars.canvas),
    h(
      'div',
      { className: 'row' },
      h('span', { className: 'dot' }),
      h('span', { className: 'grow' }, 'Recording'),
      left,
    ),
    gauge,
    button,
  )
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer
  keep(() => {
    clearInterval(timer)
    meter.close()
    source.close()
  })
  state.isUnsaved = true
  const recorder = startRecording(source, {
    kind,
    format,
    maxMs: data.maxLengthMs,
    onEnd: ({ blob, durationMs }) => review({ kind, blob, durationMs, levels: [...meter.levels] }, again),
    onError: (error) => {
      state.isUnsaved = false
      showStart(error.message)
    },
  })
  button.addEventListener('click', recorder.stop)
  let isWarned = data.maxLengthMs <= 15_000
  const tick = () => {
    const elapsed = recorder.elapsed()
    const rest = data.maxLengthMs - elapsed
    gauge.value = elapsed
    left.textContent = `${lengthText(Math.max(0, rest))} left`
    if (rest <= 10_000 && !isWarned) {
      isWarned = true
      announce('10 seconds left.')
    }
  }
  tick()
  timer = setInterval(tick, 200)
  button.focus()
  announce(`Recording. You have ${spoken(data.maxLengthMs)}.`)
}

showStart()
if (data.remainingMs < 2 ** 31) {
  setTimeout(() => {
    if (!state.isUnsaved && !state.isSent) location.reload()
  }, data.remainingMs)
}
