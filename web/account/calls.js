import { announce, h, lengthText, timeElement } from '../shared/dom.js'
import { icon } from '../shared/icons.js'
import { chatLink } from '../shared/names.js'
import { createSection } from '../shared/section.js'

/** @import { Api, Json } from '../shared/api.js' */
/** @import { Names } from '../shared/names.js' */

const path = '/_ringback/v1/calls'
const page = 20

/** @type {Record<string, Record<string, string>>} */
const outcomes = {
  outgoing: {
    ringing: 'calling …',
    answered: 'answered',
    declined: 'declined',
    missed: 'no answer',
    busy: 'busy',
    cancelled: 'cancelled',
    failed: 'failed',
    unknown: 'outcome not known',
  },
  incoming: {
    ringing: 'ringing …',
    answered: 'answered',
    declined: 'declined by you',
    missed: 'missed',
    failed: 'failed',
    unknown: 'outcome not known',
  },
}

/**
 * The calls of the user, newest first.
 * @param {{ api: Api, names: Names }} options
 */
export function createCallLog({ api, names }) {
  /** @type {Map<string, Json>} */
  const calls = new Map()
  const list = h('ol', { className: 'list', 'aria-label': 'Calls' })
  const empty = h('p', { className: 'empty' }, 'No calls yet. Whom you call, and who calls you, is listed here.')
  const more = h(
    'button',
    { className: 'plain wide', hidden: true, onclick: () => void loadMore() },
    'Show earlier calls',
  )
  /** @type {string | undefined} */
  let next

  const section = createSection({
    id: 'calls',
    title: 'Calls',
    load: async (body) => {
      const answer = await api.get(path, { limit: page })
      calls.clear()
      take(answer)
      body.replaceChildren(list, empty, more)
    },
  })

  /** @param {Json} answer */
  function take(answer) {
    for (const call of answer.calls) calls.set(call.call_id, call)
    next = answer.next
    draw()
  }

  async function loadMore() {
    more.disabled = true
    try {
      take(await api.get(path, { limit: page, from: next }))
    } catch {
      announce('Earlier calls could not be loaded')
    } finally {
      more.disabled = false
    }
  }

  function draw() {
    const sorted = [...calls.values()].sort((a, b) => b.started_ts - a.started_ts)
    list.replaceChildren(...sorted.map((call) => callItem(call, names)))
    list.hidden = sorted.length === 0
    empty.hidden = sorted.length > 0
    more.hidden = next === undefined
  }

  return {
    element: section.element,
    load: section.load,
    /** Whom the user has called or was called by. @returns {string[]} */
    peers: () => [...new Set([...calls.values()].flatMap(({ peer }) => (typeof peer === 'string' ? [peer] : [])))],
    /** A note belongs to the call after which it was left. @param {Json} note */
    addNote({ call_id: callId, event_id: eventId }) {
      const call = calls.get(callId)
      if (!call || call.note_event_id) return
      calls.set(callId, { ...call, note_event_id: eventId })
      draw()
    },
    /** Shows a call that began or changed. @param {Json} call */
    add(call) {
      const before = calls.get(call.call_id)
      calls.set(call.call_id, call)
      draw()
      if (call.outcome === 'missed' && call.direction === 'incoming' && before?.outcome !== 'missed') {
        announce(`Missed call from ${call.peer ? names.get(call.peer) : 'a group'}`)
      }
    },
  }
}

/** @param {Json} call @param {Names} names */
function callItem(call, names) {
  const isIncoming = call.direction === 'incoming'
  const isBad = isIncoming && call.outcome === 'missed'
  const kind = call.kind === 'video' ? 'Video call' : 'Voice call'
  const who = call.peer ? names.show(h('strong', {}), call.peer) : h('strong', {}, 'Group call')
  const length = call.outcome === 'answered' && call.ended_ts ? `, ${lengthText(call.ended_ts - call.started_ts)}` : ''
  const outcome = outcomes[call.direction]?.[call.outcome] ?? call.outcome
  const note = isIncoming ? 'left a note' : 'note left'
  return h(
    'li',
    { className: `row call${isBad ? ' missed' : ''}` },
    h('span', { className: 'disc' }, icon(call.kind === 'video' ? 'video' : 'phone')),
    h(
      'div',
      { className: 'grow' },
      h('div', {}, who, call.note_event_id ? h('span', { className: 'badge' }, note) : undefined),
      h(
        'div',
        { className: 'small call-facts' },
        h(
          'span',
          { className: 'outcome' },
          icon(isIncoming ? 'in' : 'out', 'icon tiny'),
          h('span', { className: 'unseen' }, isIncoming ? 'Incoming. ' : 'Outgoing. '),
          h('span', {}, `${kind}, ${outcome}${length}`),
        ),
        timeElement(call.started_ts),
      ),
    ),
    call.peer
      ? h(
          'a',
          {
            className: 'button plain slim',
            href: chatLink(call.peer),
            target: '_blank',
            rel: 'noopener noreferrer',
            'aria-label': `Open the chat with ${names.get(call.peer)}`,
          },
          'Chat',
        )
      : undefined,
  )
}
