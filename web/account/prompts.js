import { announce, h } from '../shared/dom.js'
import { icon } from '../shared/icons.js'
import { chatLink } from '../shared/names.js'

/** @import { Json } from '../shared/api.js' */

/** @type {Record<string, (name: string) => string>} */
const reasons = {
  timeout: (name) => `${name} did not answer`,
  cancelled: (name) => `${name} did not answer`,
  busy: (name) => `${name} is in another call`,
  declined: (name) => `${name} cannot talk now`,
}

/** Asks for a note after a call in vain, as long as one can be left. */
export function createPrompts() {
  const element = h('div', { className: 'prompts', 'aria-live': 'assertive' })
  /** @type {Map<string, { card: HTMLElement, timer: ReturnType<typeof setTimeout> }>} */
  const open = new Map()

  /** @param {string} id */
  function close(id) {
    const shown = open.get(id)
    if (!shown) return
    clearTimeout(shown.timer)
    shown.card.remove()
    open.delete(id)
  }

  return {
    element,
    /** @param {Json} prompt */
    show(prompt) {
      close(prompt.prompt_id)
      const left = prompt.expires_ts - Date.now()
      if (prompt.state !== 'open' || !(left > 0)) return
      const card = promptCard(prompt, () => close(prompt.prompt_id))
      const timer = setTimeout(() => close(prompt.prompt_id), Math.min(left, 2 ** 31 - 1))
      open.set(prompt.prompt_id, { card, timer })
      element.append(card)
      announce(card.querySelector('h2')?.textContent ?? '')
    },
  }
}

/** @param {Json} prompt @param {() => void} close */
function promptCard(prompt, close) {
  const name = prompt.peer_name || prompt.peer || 'Nobody'
  const title = (reasons[prompt.reason] ?? reasons.timeout)?.(name) ?? ''
  const links = prompt.links ?? {}
  const order = prompt.kind === 'video' ? ['video', 'voice'] : ['voice', 'video']
  const buttons = order.flatMap((kind, i) =>
    isWebAddress(links[kind]) ? [noteLink(kind, links[kind], i > 0, close)] : [],
  )
  const chat = h(
    'a',
    {
      className: 'button',
      href: chatLink(prompt.peer ?? ''),
      target: '_blank',
      rel: 'noopener noreferrer',
      onclick: close,
    },
    'Open the chat',
  )
  return h(
    'section',
    { className: 'card prompt', 'aria-label': title },
    h('h2', {}, title),
    h(
      'p',
      { className: 'soft' },
      buttons.length > 0
        ? 'Leave a note? It arrives like any message.'
        : 'Your conversation is encrypted: leave a voice message in your chat app.',
    ),
    h(
      'div',
      { className: 'actions' },
      buttons.length > 0 ? buttons : chat,
      h('button', { type: 'button', className: 'plain', onclick: close }, 'Not now'),
    ),
  )
}

/** @param {string} kind @param {string} href @param {boolean} isPlain @param {() => void} close */
function noteLink(kind, href, isPlain, close) {
  return h(
    'a',
    { className: `button${isPlain ? ' plain' : ''}`, href, target: '_blank', rel: 'noopener', onclick: () => close() },
    icon(kind === 'video' ? 'video' : 'microphone'),
    kind === 'video' ? 'Video note' : 'Voice note',
  )
}

/** @param {unknown} value */
function isWebAddress(value) {
  return typeof value === 'string' && /^https?:\/\//.test(value)
}
