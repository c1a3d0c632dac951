import { fill, h, workingForm } from '../shared/dom.js'

/** @import { Json } from '../shared/api.js' */
/** @import { Names } from '../shared/names.js' */

/**
 * For whom something else holds than for all others.
 * @param {Json} content
 * @param {{ names: Names, peers: () => string[], save: (change: (content: Json) => Json) => Promise<Json> }} options
 */
export function exceptions(content, { names, peers, save }) {
  const list = h('ul', { className: 'list', 'aria-label': 'People with a choice of their own' })
  const suggestions = h('datalist', { id: 'peers' })
  const input = h('input', {
    id: 'peer',
    placeholder: '@name:server',
    required: true,
    pattern: '@[^:\\s]+:\\S+',
    title: 'A user id such as @name:server',
    autocapitalize: 'none',
    spellcheck: false,
  })
  input.setAttribute('list', 'peers')
  input.addEventListener('focus', () => fill(suggestions, ...peers().map((value) => h('option', { value }))))

  /** @param {Json} content */
  function draw({ peers: chosen }) {
    const entries = Object.entries(chosen ?? {}).filter(([, value]) => typeof value === 'boolean')
    list.replaceChildren(...entries.map(([peer, isOn]) => exception(peer, isOn === true)))
    list.hidden = entries.length === 0
  }

  /** @param {string} peer @param {(content: Json) => boolean | undefined} value */
  const choose = (peer, value) =>
    save((before) => {
      const { [peer]: _, ...others } = before.peers ?? {}
      const chosen = value(before)
      return { ...before, peers: chosen === undefined ? others : { ...others, [peer]: chosen } }
    }).then(draw)

  /** @param {string} peer @param {boolean} isOn */
  function exception(peer, isOn) {
    const select = h(
      'select',
      { 'aria-label': `After calls to ${peer}` },
      h('option', { value: 'yes' }, 'Ask me'),
      h('option', { value: 'no' }, 'Do not ask'),
      h('option', { value: '' }, 'As usual'),
    )
    select.value = isOn ? 'yes' : 'no'
    select.addEventListener('change', () => {
      choose(peer, () => (select.value === '' ? undefined : select.value === 'yes')).catch(() => undefined)
    })
    const name = names.show(h('strong', {}), peer)
    return h(
      'li',
      { className: 'row' },
      h('div', { className: 'grow' }, name, h('div', { className: 'soft small' }, peer)),
      h('div', {}, select),
    )
  }

  const form = workingForm(
    {},
    async () => {
      await choose(input.value.trim(), (before) => before.enabled === false)
      input.value = ''
    },
    h('label', { for: 'peer' }, 'Another choice for one person'),
    h('div', { className: 'row' }, h('div', { className: 'grow' }, input), h('button', { className: 'plain' }, 'Add')),
    suggestions,
  )
  draw(content)
  return [list, form]
}
