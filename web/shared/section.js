import { h, messageOf } from './dom.js'

/**
 * A section of the page whose content is loaded. `load` says what it is meanwhile, and what went wrong.
 * @param {{ id: string, title: string, intro?: string, load: (body: HTMLElement) => Promise<void> }} options
 */
export function createSection({ id, title, intro, load }) {
  const body = h('div', {})
  const status = h('div', {})
  const element = h(
    'section',
    { className: 'card', 'aria-labelledby': `${id}-title` },
    h('h2', { id: `${id}-title` }, title),
    intro === undefined ? undefined : h('p', { className: 'soft' }, intro),
    status,
    body,
  )

  async function run() {
    if (!body.hasChildNodes()) status.replaceChildren(h('p', { className: 'empty' }, 'Loading …'))
    try {
      await load(body)
      status.replaceChildren()
    } catch (error) {
      status.replaceChildren(
        h(
          'div',
          { className: 'bad', role: 'alert' },
          h('p', {}, messageOf(error)),
          h('button', { className: 'plain', onclick: () => void run() }, 'Try again'),
        ),
      )
    }
  }
  return { element, body, load: run }
}
