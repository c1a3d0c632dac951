import { ApiError } from '../shared/api.js'
import { h, workingForm } from '../shared/dom.js'
import { withValue } from './greeting.js'

/** @import { Api, Json } from '../shared/api.js' */

/**
 * A room into which the assistant brings notes as well.
 * @param {Json} content
 * @param {{ api: Api, assistant: string | undefined, save: (change: (content: Json) => Json) => Promise<Json> }} options
 */
export function sharedInbox(content, { api, assistant, save }) {
  const input = h('input', {
    id: 'inbox-room',
    value: typeof content.inbox_room === 'string' ? content.inbox_room : '',
    placeholder: '#team:server',
    autocapitalize: 'none',
    spellcheck: false,
    'aria-describedby': 'inbox-room-hint',
  })
  const outcome = h('p', { className: 'small', role: 'status' })
  /** @param {string} roomId */
  const pathOf = (roomId) => `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}`

  /** @param {string} name */
  async function findRoom(name) {
    if (!name.startsWith('#')) return name
    const answer = await orUndefined(api.get(`/_matrix/client/v3/directory/room/${encodeURIComponent(name)}`))
    return String(answer?.room_id ?? name)
  }

  /** Throws what stands in the way of notes there. @param {string} roomId */
  async function check(roomId) {
    const { joined_rooms: joined } = await api.get('/_matrix/client/v3/joined_rooms')
    if (!joined.includes(roomId)) throw new Error('You are not in a room with that name. Join it first.')
    if (await orUndefined(api.get(`${pathOf(roomId)}/state/m.room.encryption`)))
      throw new Error('That room is encrypted. The assistant brings notes only into rooms that are not.')
  }

  /** What is still to be done there, in a sentence. @param {string} roomId */
  async function bringAssistant(roomId) {
    const member = await orUndefined(
      api.get(`${pathOf(roomId)}/state/m.room.member/${encodeURIComponent(assistant ?? '')}`),
    )
    if (assistant === undefined || member?.membership === 'join') return 'Notes to you come into that room as well.'
    try {
      await api.post(`${pathOf(roomId)}/invite`, { user_id: assistant })
      return 'The assistant has been invited there. Notes to you come into that room as well.'
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      return `Invite ${assistant} there, or have somebody do it who may.`
    }
  }

  return workingForm(
    {},
    async () => {
      outcome.textContent = ''
      const name = input.value.trim()
      const roomId = name === '' ? '' : await findRoom(name)
      if (roomId !== '') await check(roomId)
      await save((settings) => withValue(settings, 'inbox_room', roomId))
      outcome.textContent = roomId === '' ? 'Notes come to you alone.' : await bringAssistant(roomId)
    },
    h('label', { for: 'inbox-room' }, 'Bring my notes into this room as well'),
    h(
      'div',
      { className: 'row' },
      h('div', { className: 'grow' }, input),
      h('button', { className: 'plain' }, 'Save room'),
    ),
    h(
      'p',
      { id: 'inbox-room-hint', className: 'hint' },
      'For a team that looks after calls to you: a room that is not encrypted. Everybody there can hear the notes.',
    ),
    outcome,
  )
}

/** @param {Promise<Json>} answer @returns {Promise<Json | undefined>} */
async function orUndefined(answer) {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 403)) return undefined
    throw error
  }
}
