import { h, lengthText } from '../shared/dom.js'
import { createBars } from './meter.js'

/** @typedef {import('./capture.js').Recording} Recording */

/**
 * Plays a recording. Browsers do not know how long their own recordings are, so that the page keeps the time.
 * @param {Recording} recording
 */
export function createPlayer({ kind, blob, durationMs, levels }) {
  const address = URL.createObjectURL(blob)
  const isVideo = kind === 'video'
  const media = h(isVideo ? 'video' : 'audio', { src: address, preload: 'auto' })
  media.setAttribute('playsinline', '')
  const bars = createBars()
  const time = h('span', { className: 'time' }, lengthText(durationMs))
  const button = h('button', { className: 'plain play', type: 'button' }, 'Play')
  let frame = 0

  function show() {
    const position = media.currentTime * 1000
    const isAtStart = media.paused && (position === 0 || media.ended)
    button.textContent = media.paused ? 'Play' : 'Pause'
    time.textContent = lengthText(isAtStart ? durationMs : Math.min(position, durationMs))
    bars.draw(levels, { played: isAtStart ? 1 : position / durationMs })
    cancelAnimationFrame(frame)
    if (!media.paused) frame = requestAnimationFrame(show)
  }

  async function toggle() {
    if (!media.paused) return media.pause()
    if (media.ended) media.currentTime = 0
    // A recording that this browser cannot play may still be sent.
    await media.play().catch(() => {})
  }

  button.addEventListener('click', toggle)
  if (isVideo) media.addEventListener('click', toggle)
  for (const event of ['play', 'pause', 'ended', 'seeked', 'loadeddata']) media.addEventListener(event, show)
  const onResize = () => show()
  addEventListener('resize', onResize)
  // The canvas has a size once it is on the page.
  requestAnimationFrame(show)
  const stage = isVideo ? h('div', { className: 'stage round' }, media) : h('div', { className: 'stage' }, bars.canvas)
  return {
    stage,
    element: h('div', { className: 'row player' }, button, time, !isVideo && media),
    close: () => {
      media.pause()
      cancelAnimationFrame(frame)
      removeEventListener('resize', onResize)
      URL.revokeObjectURL(address)
    },
  }
}
