import { ApiError } from '../shared/api.js'
import { announce, h, messageOf } from '../shared/dom.js'
import { createSection } from '../shared/section.js'
import { createNoteItem } from './note-item.js'
import { isWaiting, listNotes } from './order.js'

/** @import { Api, Json } from '../shared/api.js' */
/** @import { Names } from '../shared/names.js' */
/** @import { NoteItem } from './note-item.js' */

const path = '/_ringback/v1/notes'
const page = 50
/** A search looks through so many of the newest. */
const mostSearched = 500

/**
 * Notes that were left for the user, and by the user.
 * @param {{ api: Api, names: Names }} options
 */
export function createInbox({ api, names }) {
  /** @type {Map<string, Json>} */
  const notes = new Map()
  /** Those on the page: one that is played must not begin anew because another arrives. @type {Map<string, NoteItem>} */
  const items = new Map()
  /** @type {string | undefined} */
  let next
  let direction = 'incoming'

  const search = h('input', { type: 'search', id: 'search', placeholder: 'Names and words that were said' })
  search.addEventListener('input', () => void find())
  const tabs = ['incoming', 'outgoing'].map((value) =>
    h(
      'button',
      { type: 'button', className: 'plain slim', 'aria-pressed': value === direction, onclick: () => choose(value) },
      value === 'incoming' ? 'For me' : 'From me',
    ),
  )
  const count = h('p', { className: 'soft small', role: 'status' })
  const list = h('ol', { className: 'list', 'aria-label': 'Notes' })
  const empty = h('p', { className: 'empty' })
  const more = h(
    'button',
    { className: 'plain wide', hidden: true, onclick: () => void loadMore() },
    'Show earlier notes',
  )

  const section = createSection({
    id: 'notes',
    title: 'Voice and video notes',
    load: async (body) => {
      const answer = await api.get(path, { limit: page }).catch((error) => {
        if (error instanceof ApiError && error.status === 404) throw new Error('Nobody can leave notes on this server.')
        throw error
      })
      notes.clear()
      take(answer)
      // What is typed or played there goes on.
      if (body.hasChildNodes()) return
      body.append(
        h(
          'div',
          { className: 'row inbox-tools' },
          h('div', { className: 'row', role: 'group', 'aria-label': 'Which notes' }, tabs),
          count,
        ),
        h('label', { for: 'search', className: 'unseen' }, 'Search'),
        search,
        list,
        empty,
        more,
      )
    },
  })

  /** @param {Json} answer */
  function take(answer) {
    for (const note of answer.notes) notes.set(note.note_id, note)
    next = answer.next
    draw()
  }

  async function loadMore() {
    more.disabled = true
    try {
      take(await api.get(path, { limit: page, from: next }))
    } catch (error) {
      announce(messageOf(error))
    } finally {
      more.disabled = false
    }
  }

  /** Words may have been said long ago. */
  async function find() {
    draw()
    while (search.value.trim() !== '' && next !== undefined && notes.size < mostSearched && !more.disabled) {
      const before = next
      await loadMore()
      if (next === before) return
    }
  }

  /** @param {string} value */
  function choose(value) {
    direction = value
    for (const [i, tab] of tabs.entries())
      tab.setAttribute('aria-pressed', String(['incoming', 'outgoing'][i] === value))
    draw()
  }

  function draw() {
    const shown = listNotes(notes.values(), { direction, search: search.value, nameOf: names.get })
    for (const [id, item] of items) {
      if (notes.has(id)) continue
      item.leave()
      items.delete(id)
    }
    const elements = shown.map((note) => {
      const item = items.get(note.note_id) ?? createNoteItem({ api, names, note, onChange: change })
      items.set(note.note_id, item)
      item.update(note)
      return item.element
    })
    place(elements)
    const waiting = [...notes.values()].filter(isWaiting).length
    count.textContent = waiting === 0 ? '' : `${waiting} not played yet`
    empty.hidden = shown.length > 0
    empty.textContent =
      search.value.trim() !== ''
        ? 'No note has these words.'
        : direction === 'incoming'
          ? 'No notes. When you miss a call, the caller can leave you one.'
          : 'No notes. When nobody answers your call, you can leave one.'
    more.hidden = next === undefined
  }

  /** Moves only what stands elsewhere: what is moved stops to play. @param {HTMLElement[]} elements */
  function place(elements) {
    const wanted = new Set(elements)
    for (const child of [...list.children]) if (!(child instanceof HTMLElement && wanted.has(child))) child.remove()
    if (isPlaying() && elements.every((element) => element.parentNode === list)) return
    for (const [i, element] of elements.entries()) {
      if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null)
    }
  }

  const isPlaying = () => [...items.values()].some((item) => item.isPlaying())

  /** @param {Json} note */
  function change(note) {
    notes.set(note.note_id, note)
    draw()
  }

  return {
    element: section.element,
    load: section.load,
    /** Shows a note that is new, or has changed. @param {Json} note */
    add(note) {
      const isNew = !notes.has(note.note_id)
      change(note)
      if (isNew && isWaiting(note)) announce(`A new note from ${note.peer ? names.get(note.peer) : 'somebody'}`)
    },
    leave() {
      for (const item of items.values()) item.leave()
    },
  }
}
