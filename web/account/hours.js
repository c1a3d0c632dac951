import { announce, h, workingForm } from '../shared/dom.js'
import { icon } from '../shared/icons.js'
import { greetingBox, withValue } from './greeting.js'

/** @import { Json } from '../shared/api.js' */

/** @type {readonly (readonly [string, string])[]} */
const days = [
  ['mon', 'Monday'],
  ['tue', 'Tuesday'],
  ['wed', 'Wednesday'],
  ['thu', 'Thursday'],
  ['fri', 'Friday'],
  ['sat', 'Saturday'],
  ['sun', 'Sunday'],
]
const usual = [['09:00', '17:00']]

/**
 * When somebody can usually be reached, and what is read at other times.
 * @param {Json} content
 * @param {{ save: (change: (content: Json) => Json) => Promise<Json> }} options
 */
export function businessHours(content, { save }) {
  const { hours } = content
  const isSet = typeof hours === 'object' && hours !== null
  /** @type {ReturnType<typeof dayRow>[]} */
  const week = days.map(([key, name]) => dayRow(name, isSet ? spansOf(hours[key]) : [], () => before(key)))
  const zone = h('input', {
    id: 'time-zone',
    value: isSet ? (hours.time_zone ?? '') : Intl.DateTimeFormat().resolvedOptions().timeZone,
    placeholder: 'That of the server',
    autocapitalize: 'none',
    spellcheck: false,
  })
  zone.setAttribute('list', 'time-zones')
  zone.addEventListener('input', () =>
    zone.setCustomValidity(isTimeZone(zone.value.trim()) ? '' : 'Such as Europe/Berlin.'),
  )
  const closed = greetingBox({
    id: 'closed-greeting',
    label: 'Greeting outside your business hours',
    value: content.closed_greeting,
    hint: 'Shown instead of the other one. Without it, that one is shown at any time.',
  })

  /** What the day before says is a good guess. @param {string} key @returns {string[][]} */
  function before(key) {
    const last = week
      .slice(
        0,
        days.findIndex(([name]) => name === key),
      )
      .findLast((day) => day.spans().length > 0)
    return last?.spans() ?? usual
  }

  /** @returns {Json | undefined} */
  function written() {
    const open = days.flatMap(([key], i) => {
      const spans = week[i]?.spans() ?? []
      return spans.length > 0 ? [[key, spans.map(([from, to]) => `${from}-${to === '00:00' ? '24:00' : to}`)]] : []
    })
    if (open.length === 0) return undefined
    const timeZone = zone.value.trim()
    return { ...(timeZone !== '' && { time_zone: timeZone }), ...Object.fromEntries(open) }
  }

  const form = workingForm(
    {},
    async () => {
      const wanted = written()
      await save((settings) => withValue(withValue(settings, 'hours', wanted), 'closed_greeting', closed.text()))
      announce('Your business hours are saved')
    },
    h('ul', { className: 'list week', 'aria-label': 'Business hours' }, ...week.map(({ element }) => element)),
    h('label', { for: 'time-zone' }, 'Time zone'),
    zone,
    h('datalist', { id: 'time-zones' }, ...Intl.supportedValuesOf('timeZone').map((value) => h('option', { value }))),
    ...closed.elements,
    h('div', { className: 'actions start' }, h('button', { className: 'plain' }, 'Save business hours')),
  )
  return h('details', { open: isSet || Boolean(content.closed_greeting) }, h('summary', {}, 'Business hours'), form)
}

/** @param {string} name @param {string[][]} spans @param {() => string[][]} guess */
function dayRow(name, spans, guess) {
  const list = h('div', { className: 'spans' })
  const none = h('span', { className: 'soft' }, 'closed')
  const add = h('button', { type: 'button', className: 'plain slim', 'aria-label': `Add hours on ${name}` }, 'Add')

  function draw() {
    none.hidden = list.childElementCount > 0
  }

  /** @param {string[]} span */
  function insert([from = '', to = '']) {
    const begin = h('input', { type: 'time', value: from, required: true, 'aria-label': `${name} from` })
    const end = h('input', {
      type: 'time',
      value: to === '24:00' ? '00:00' : to,
      required: true,
      'aria-label': `${name} to`,
    })
    const check = () =>
      end.setCustomValidity(end.value === '00:00' || begin.value < end.value ? '' : 'Must be later than the beginning.')
    for (const input of [begin, end]) input.addEventListener('input', check)
    const remove = h(
      'button',
      { type: 'button', className: 'plain slim', 'aria-label': `Take these hours on ${name} away` },
      icon('close'),
    )
    const element = h('div', { className: 'span' }, begin, h('span', { 'aria-hidden': 'true' }, '–'), end, remove)
    remove.addEventListener('click', () => {
      element.remove()
      draw()
      add.focus()
    })
    list.append(element)
    draw()
    return begin
  }

  add.addEventListener('click', () => {
    const wanted = list.childElementCount > 0 ? [[]] : guess()
    wanted.map(insert)[0]?.focus()
  })
  for (const span of spans) insert(span)
  draw()
  return {
    element: h(
      'li',
      { className: 'day' },
      h('span', { className: 'day-name' }, name),
      h('div', { className: 'grow' }, none, list),
      add,
    ),
    spans: () => [...list.children].map((child) => [...child.querySelectorAll('input')].map(({ value }) => value)),
  }
}

/** What other programs may have written there, as far as it is hours. @param {unknown} value @returns {string[][]} */
function spansOf(value) {
  const spans = Array.isArray(value) ? value.filter((span) => /^\d\d:\d\d-\d\d:\d\d$/.test(String(span))) : []
  return spans.map((span) => String(span).split('-'))
}

/** @param {string} name */
function isTimeZone(name) {
  try {
    return name === '' || new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}
