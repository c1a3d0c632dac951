import { ApiError } from '../shared/api.js'
import { announce, fill, h, messageOf, pageData, workingForm } from '../shared/dom.js'
import { createSection } from '../shared/section.js'
import { exceptions } from './exceptions.js'
import { greetingBox, withValue } from './greeting.js'
import { businessHours } from './hours.js'
import { sharedInbox } from './shared-inbox.js'

/** @import { Api, Json } from '../shared/api.js' */
/** @import { Names } from '../shared/names.js' */

const type = 'io.ringback.missed_call_prompts'

/**
 * What the user wants of missed calls: account data, which the assistant's commands change, too.
 * @param {{ api: Api, names: Names, userId: string, peers: () => string[] }} options
 */
export function createSettings({ api, names, userId, peers }) {
  const path = `/_matrix/client/v3/user/${encodeURIComponent(userId)}/account_data/${type}`
  const { assistant } = pageData()
  const saved = h('p', { className: 'small soft', role: 'status' })

  async function read() {
    try {
      return await api.get(path)
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return {}
      throw error
    }
  }

  /** The last change: the next one starts with what that made. @type {Promise<unknown>} */
  let saving = Promise.resolve()

  /**
   * Changes a part of what is there by now; keys that this page does not know stay.
   * @param {(content: Json) => Json} change
   * @returns {Promise<Json>}
   */
  function save(change) {
    saved.textContent = 'Saving …'
    const result = saving.then(async () => {
      const content = change(await read())
      await api.put(path, content)
      return content
    })
    saving = result.catch(() => undefined)
    result.then(
      () => {
        saved.textContent = 'Saved.'
      },
      (error) => {
        saved.textContent = `Not saved: ${messageOf(error)}`
      },
    )
    return result
  }

  /** @param {string} key @param {Json} content @param {string} label @param {string} hint @param {boolean} otherwise */
  function flag(key, content, label, hint, otherwise = true) {
    const checked = otherwise ? content[key] !== false : content[key] === true
    const input = h('input', { type: 'checkbox', checked, 'aria-describedby': `${key}-hint` })
    input.addEventListener('change', async () => {
      const { checked } = input
      try {
        await save((before) => ({ ...before, [key]: checked }))
      } catch {
        input.checked = !checked
      }
    })
    return h(
      'label',
      { className: 'check' },
      input,
      h('span', {}, h('span', {}, label), h('span', { id: `${key}-hint`, className: 'hint block' }, hint)),
    )
  }

  /** @param {Json} content */
  function played(content) {
    const select = h(
      'select',
      { id: 'share-played' },
      h('option', { value: '' }, 'As with my read receipts'),
      h('option', { value: 'yes' }, 'Yes'),
      h('option', { value: 'no' }, 'No'),
    )
    select.value = content.share_played === true ? 'yes' : content.share_played === false ? 'no' : ''
    select.addEventListener('change', () => {
      save(({ share_played: _, ...before }) =>
        select.value === '' ? before : { ...before, share_played: select.value === 'yes' },
      ).catch(() => undefined)
    })
    return [h('label', { for: 'share-played' }, 'Tell people that I have played their note'), select]
  }

  /** @param {Json} content */
  function greeting(content) {
    const box = greetingBox({
      id: 'greeting',
      label: 'Greeting',
      value: content.greeting,
      hint: 'Shown to whoever is about to leave you a note.',
    })
    return workingForm(
      {},
      async () => {
        await save((before) => withValue(before, 'greeting', box.text()))
        announce('Your greeting is saved')
      },
      ...box.elements,
      h('div', { className: 'actions start' }, h('button', { className: 'plain' }, 'Save greeting')),
    )
  }

  /** What few people change. @param {Json} content */
  function more(content) {
    return h(
      'details',
      {},
      h('summary', {}, 'More'),
      flag(
        'keep_unread',
        content,
        'Keep conversations unread until I have played their notes',
        'Off: opening the conversation is enough.',
      ),
      flag('pin', content, 'Pin notes until I have played them', 'Where you may pin messages.', false),
      flag(
        'email',
        content,
        'Mail me each note',
        'To the mail address of your account, if it has one and this server sends mail.',
        false,
      ),
      flag(
        'unencrypted_delivery',
        content,
        'Let notes pass through the assistant where the conversation is encrypted',
        'They are not end-to-end encrypted then. The other person must allow it as well.',
        false,
      ),
      sharedInbox(content, { api, assistant: typeof assistant === 'string' ? assistant : undefined, save }),
    )
  }

  const section = createSection({
    id: 'settings',
    title: 'Missed calls',
    intro: 'When a call is not answered, the caller can leave a voice or video note, which arrives like any message.',
    load: async (body) => {
      const content = await read()
      fill(
        body,
        flag(
          'enabled',
          content,
          'Ask me for a note when nobody answers my call',
          'The question comes from the voicemail assistant.',
        ),
        flag(
          'notes_to_me',
          content,
          'Let people leave notes for me',
          'Off: nobody is asked for a note after a call to you.',
        ),
        ...played(content),
        greeting(content),
        ...exceptions(content, { names, peers, save }),
        businessHours(content, { save }),
        more(content),
        saved,
      )
    },
  })
  return { element: section.element, load: section.load }
}
