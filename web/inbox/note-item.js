import { ask } from '../shared/dialog.js'
import { announce, h, lengthText, messageOf, timeElement } from '../shared/dom.js'
import { icon } from '../shared/icons.js'
import { chatLink } from '../shared/names.js'
import { isWaiting } from './order.js'
import { createPlayer } from './player.js'

/** @import { Api, Json } from '../shared/api.js' */
/** @import { Names } from '../shared/names.js' */

/** @type {Record<string, string>} */
const sentStates = {
  sent: 'on its way',
  delivered: 'delivered',
  fetched: 'delivered',
  played: 'played',
  deleted: 'deleted',
}

/**
 * @typedef {object} NoteItem
 * @property {HTMLElement} element
 * @property {(note: Json) => void} update
 * @property {() => boolean} isPlaying
 * @property {() => void} leave gives back what a recording takes
 */

/**
 * One note of the list.
 * @param {{ api: Api, names: Names, note: Json, onChange: (note: Json) => void }} options
 * @returns {NoteItem}
 */
export function createNoteItem({ api, names, note: first, onChange }) {
  let note = first
  const isIncoming = first.direction === 'incoming'
  const who = first.peer ? names.show(h('strong', {}), first.peer) : h('strong', {}, 'Somebody')
  const fresh = h('span', { className: 'badge fresh' }, 'new')
  const facts = h('div', { className: 'soft small note-facts' })
  const transcript = h('p', { className: 'transcript' })
  const failure = h('p', { className: 'bad small', role: 'alert' })
  const player = createPlayer({ api, onPlayed: () => void played(), onFailure: fail })
  const play = button('Play', 'slim play', async () => {
    await player.play(note)
    // The player has buttons of its own.
    play.hidden = true
  })
  play.prepend(icon('play'))
  const save = button('Save', 'plain slim', () => player.save(note))
  const keep = button('Keep', 'plain slim', keepNote)
  const remove = button('Delete', 'danger slim', removeNote)
  const back = first.peer
    ? h(
        'a',
        { className: 'button plain slim', href: chatLink(first.peer), target: '_blank', rel: 'noopener noreferrer' },
        isIncoming ? 'Call back' : 'Chat',
      )
    : undefined
  const element = h(
    'li',
    { className: 'note' },
    h(
      'div',
      { className: 'row' },
      h('span', { className: 'disc' }, icon(first.kind === 'video' ? 'video' : 'microphone')),
      h('div', { className: 'grow' }, h('div', {}, who, fresh), facts),
    ),
    transcript,
    player.element,
    failure,
    h('div', { className: 'row note-actions' }, play, back, keep, save, remove),
  )

  /** @param {unknown} error */
  function fail(error) {
    failure.textContent = messageOf(error)
    failure.hidden = false
  }

  /** @param {string} text @param {string} className @param {() => Promise<void>} action */
  function button(text, className, action) {
    const made = h('button', { type: 'button', className }, text)
    made.addEventListener('click', async () => {
      failure.hidden = true
      made.disabled = true
      try {
        await action()
      } catch (error) {
        fail(error)
      } finally {
        made.disabled = false
      }
    })
    return made
  }

  async function played() {
    if (!isWaiting(note)) return
    try {
      await api.post(`/_ringback/v1/notes/${encodeURIComponent(note.note_id)}/played`)
      onChange({ ...note, state: 'played' })
    } catch (error) {
      fail(error)
    }
  }

  async function keepNote() {
    const path = `/_ringback/v1/notes/${encodeURIComponent(note.note_id)}/keep`
    const { kept: isKept, ...rest } = note
    const { expires_ts: expiresTs } = await (isKept ? api.delete(path) : api.put(path, {}))
    onChange({ ...rest, ...(!isKept && { kept: true }), expires_ts: expiresTs })
    if (isKept) announce('The note is not kept any more')
    else if (expiresTs === undefined) announce('The note is kept')
    else
      throw new Error(
        `It is deleted on ${dayText(expiresTs)} all the same: the sender, the room or this server wants it so.`,
      )
  }

  async function removeNote() {
    const place = `${encodeURIComponent(note.room_id)}/redact/${encodeURIComponent(note.event_id)}`
    const isDone = await ask({
      title: 'Delete this note?',
      body: [h('p', { className: 'soft' }, 'It is deleted for everybody in the conversation, and cannot be had back.')],
      action: 'Delete',
      danger: true,
      submit: async () =>
        void (await api.put(`/_matrix/client/v3/rooms/${place}/${crypto.randomUUID?.() ?? `${Date.now()}`}`, {})),
    })
    if (!isDone) return
    player.leave()
    announce('The note has been deleted')
    onChange({ ...note, state: 'deleted' })
  }

  /** @param {Json} changed */
  function update(changed) {
    note = changed
    const isGone = note.state === 'deleted'
    fresh.hidden = !isWaiting(note)
    element.classList.toggle('waiting', isWaiting(note))
    facts.replaceChildren(
      h('span', {}, `${note.kind === 'video' ? 'Video' : 'Voice'} note, ${lengthText(note.duration_ms)}`),
      timeElement(note.sent_ts),
      isIncoming ? '' : h('span', {}, sentStates[note.state] ?? note.state),
      isGone ? h('span', {}, isIncoming ? 'deleted' : '') : expiry(note),
    )
    const words = note.transcript ?? note.caption
    transcript.textContent = words ?? ''
    transcript.hidden = !words
    play.classList.toggle('plain', !isWaiting(note))
    play.hidden = isGone || !player.element.hidden
    for (const control of [save, remove]) control.hidden = isGone
    keep.hidden = isGone || !isIncoming
    keep.textContent = note.kept ? 'Do not keep' : 'Keep'
    const label = `${note.kind} note from ${first.peer ? names.get(first.peer) : 'somebody'}`
    for (const control of [play, keep, save, remove])
      control.setAttribute('aria-label', `${control.textContent} the ${label}`)
  }

  failure.hidden = true
  update(first)
  return { element, update, isPlaying: player.isPlaying, leave: player.leave }
}

/** @param {Json} note */
function expiry({ kept: isKept, expires_ts: ts }) {
  if (ts === undefined) return isKept ? h('span', {}, 'kept') : ''
  return h('span', { title: new Date(ts).toLocaleString() }, `deleted on ${dayText(ts)}`)
}

/** @param {number} ts */
const dayText = (ts) => new Date(ts).toLocaleDateString([], { day: 'numeric', month: 'short' })
