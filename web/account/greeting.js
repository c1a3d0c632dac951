import { h } from '../shared/dom.js'

/** @import { Json } from '../shared/api.js' */

const longest = 500

/**
 * Where somebody writes what callers are to read.
 * @param {{ id: string, label: string, value: unknown, hint: string }} options
 */
export function greetingBox({ id, label, value, hint }) {
  const input = h('textarea', {
    id,
    rows: 3,
    maxLength: longest,
    value: typeof value === 'string' ? value : '',
    'aria-describedby': `${id}-hint`,
  })
  const elements = [h('label', { for: id }, label), input, h('p', { id: `${id}-hint`, className: 'hint' }, hint)]
  return { elements, text: () => input.value.trim() }
}

/**
 * The settings with one key changed; undefined and an empty text take it away.
 * @param {Json} content @param {string} key @param {unknown} value
 * @returns {Json}
 */
export function withValue(content, key, value) {
  const { [key]: _, ...others } = content
  return value === undefined || value === '' ? others : { ...others, [key]: value }
}
