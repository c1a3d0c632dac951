import { h } from '../shared/dom.js'

/** @import { Api, Json } from '../shared/api.js' */

const speeds = [0.75, 1, 1.25, 1.5, 2]
const speedKey = 'ringback.speed'
const encrypted = 'This note is encrypted from end to end. Play it in your chat app, which has the keys.'

/**
 * Fetches and plays what a note holds. Elements of a page cannot send an access token, so it is fetched as a whole first.
 * @param {{ api: Api, onPlayed: () => void, onFailure: (error: unknown) => void }} options
 */
export function createPlayer({ api, onPlayed, onFailure }) {
  const element = h('div', { className: 'player', hidden: true })
  /** @type {Promise<{ url: string, name: string }> | undefined} */
  let recording
  /** @type {HTMLAudioElement | HTMLVideoElement | undefined} */
  let media

  /** @param {Json} note */
  async function fetchRecording({ room_id: roomId, event_id: eventId }) {
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(eventId)}`
    const { type, content } = await api.get(path)
    if (type === 'm.room.encrypted' || content?.file) throw new Error(encrypted)
    if (typeof content?.url !== 'string') throw new Error('The recording is not there any more.')
    const blob = await api.media(content.url)
    return { url: URL.createObjectURL(blob), name: String(content.filename ?? content.body ?? 'note') }
  }

  /** @param {Json} note */
  function need(note) {
    recording ??= fetchRecording(note).catch((error) => {
      recording = undefined
      throw error
    })
    return recording
  }

  /** @param {Json} note @param {string} url */
  function show(note, url) {
    const made = note.kind === 'video' ? h('video', { playsInline: true }) : h('audio', {})
    made.controls = true
    made.src = url
    made.addEventListener('playing', onPlayed, { once: true })
    made.addEventListener('error', () => {
      onFailure(new Error('This browser cannot play the note. Save it, and play it with another program.'))
    })
    const speed = h(
      'select',
      { 'aria-label': 'Speed' },
      speeds.map((value) => h('option', { value: String(value) }, `${value}×`)),
    )
    speed.value = localStorage.getItem(speedKey) ?? '1'
    if (speed.selectedIndex < 0) speed.value = '1'
    const apply = () => {
      made.playbackRate = Number(speed.value)
    }
    made.addEventListener('loadedmetadata', apply)
    speed.addEventListener('change', () => {
      localStorage.setItem(speedKey, speed.value)
      apply()
    })
    element.replaceChildren(made, speed)
    element.hidden = false
    return made
  }

  return {
    element,
    /** @param {Json} note */
    async play(note) {
      const { url } = await need(note)
      media ??= show(note, url)
      if (!media.paused) return media.pause()
      await media.play().catch((error) => {
        // What the format makes impossible has its own message; the rest is a play that was called off.
        if (error.name !== 'NotSupportedError' && error.name !== 'AbortError') throw error
      })
    },
    /** @param {Json} note */
    async save(note) {
      const { url, name } = await need(note)
      h('a', { href: url, download: name }).click()
    },
    isPlaying: () => media !== undefined && !media.paused && !media.ended,
    leave() {
      media?.pause()
      media = undefined
      element.replaceChildren()
      element.hidden = true
      recording?.then(({ url }) => URL.revokeObjectURL(url)).catch(() => undefined)
      recording = undefined
    },
  }
}
