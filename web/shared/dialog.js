import { h, workingForm } from './dom.js'

/**
 * Asks in a window of the page; resolves with true once `submit` has worked, with false where it was called off.
 * @param {{ title: string, body: (Node | string)[], action: string, danger?: boolean, submit: () => Promise<void> }} options
 * @returns {Promise<boolean>}
 */
export function ask({ title, body, action, danger = false, submit }) {
  return new Promise((resolve) => {
    let isDone = false
    const heading = h('h2', { id: 'dialog-title' }, title)
    const form = workingForm(
      {},
      async () => {
        await submit()
        isDone = true
        dialog.close()
      },
      ...body,
      h(
        'div',
        { className: 'actions' },
        h('button', { type: 'button', className: 'plain', onclick: () => dialog.close() }, 'Cancel'),
        h('button', { className: danger ? 'danger' : '' }, action),
      ),
    )
    const dialog = h('dialog', { 'aria-labelledby': 'dialog-title' }, heading, form)
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(isDone)
    })
    document.body.append(dialog)
    dialog.showModal()
    const input = dialog.querySelector('input:not([hidden])')
    if (input instanceof HTMLInputElement) input.select()
  })
}
