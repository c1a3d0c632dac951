/**
 * @typedef {string | number | Node | undefined | null | false} Child
 * @typedef {Record<string, unknown>} Properties
 */

/**
 * Makes an element. `class`, `aria-*`, `data-*`, `for`, `role` and the like become attributes, `on...` listeners, the rest
 * properties. Text is always text, never HTML.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue
    if (name.startsWith('on') && typeof value === 'function') {
      element.addEventListener(name.slice(2), (event) => value(event))
    } else if (name in element && name !== 'list') Reflect.set(element, name, value)
    else element.setAttribute(name, String(value))
  }
  for (const child of children.flat()) {
    if (child !== undefined && child !== null && child !== false) element.append(asNode(child))
  }
  return element
}

/** @param {string | number | Node} child */
function asNode(child) {
  return child instanceof Node ? child : String(child)
}

/**
 * Puts children into an element in place of what was there.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren()
  for (const child of children.flat()) {
    if (child !== undefined && child !== null && child !== false) element.append(asNode(child))
  }
}

/** The element that the page's script fills. */
export function mainElement() {
  const main = document.getElementById('main')
  if (!main) throw new Error('the page has no main element')
  return main
}

/** What the server told the page. @returns {Record<string, unknown>} */
export function pageData() {
  return JSON.parse(document.getElementById('data')?.textContent ?? '{}')
}

/** Says something to people who do not see the screen. @param {string} text */
export function announce(text) {
  let region = document.getElementById('announcements')
  if (!region) {
    region = h('div', { id: 'announcements', role: 'status', 'aria-live': 'polite', className: 'unseen' })
    document.body.append(region)
  }
  region.textContent = ''
  // A text that is the same as before would not be read again.
  const target = region
  setTimeout(() => {
    target.textContent = text
  }, 50)
}

/**
 * A form whose button waits while `submit` works, and that shows in plain words what went wrong.
 * @param {Properties} properties
 * @param {() => Promise<void>} submit
 * @param {...(Child | Child[])} children
 */
export function workingForm(properties, submit, ...children) {
  const failure = h('p', { className: 'bad', role: 'alert', hidden: true })
  const form = h('form', { ...properties, noValidate: false }, failure, ...children)
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    failure.hidden = true
    form.setAttribute('aria-busy', 'true')
    const buttons = [...form.querySelectorAll('button')]
    for (const button of buttons) button.disabled = true
    try {
      await submit()
    } catch (error) {
      failure.textContent = messageOf(error)
      failure.hidden = false
    } finally {
      form.removeAttribute('aria-busy')
      for (const button of buttons) button.disabled = false
    }
  })
  return form
}

/** A sentence for people. @param {unknown} error */
export function messageOf(error) {
  const text = error instanceof Error ? error.message : String(error)
  return /[.!?]$/.test(text) ? text : `${text}.`
}

/** `3:07` for a length in ms. @param {number} ms */
export function lengthText(ms) {
  const seconds = Math.round(ms / 1000)
  const rest = String(seconds % 60).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}:${rest}`
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`
}

/** `today, 14:05`, `yesterday, 9:30` or `3 Nov, 18:20`, in the reader's own notation. @param {number} ts */
export function timeElement(ts, now = Date.now()) {
  const date = new Date(ts)
  const clock = date.toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' })
  const days = Math.round((startOfDay(new Date(now)) - startOfDay(date)) / 86_400_000)
  const isThisYear = date.getFullYear() === new Date(now).getFullYear()
  const day =
    days === 0
      ? 'Today'
      : days === 1
        ? 'Yesterday'
        : date.toLocaleDateString([], { day: 'numeric', month: 'short', ...(!isThisYear && { year: 'numeric' }) })
  return h('time', { dateTime: date.toISOString(), title: date.toLocaleString() }, `${day}, ${clock}`)
}

/** @param {Date} date */
function startOfDay(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
}
