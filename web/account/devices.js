import { ApiError } from '../shared/api.js'
import { ask } from '../shared/dialog.js'
import { announce, h, timeElement } from '../shared/dom.js'
import { icon } from '../shared/icons.js'
import { createSection } from '../shared/section.js'

/** @import { Api, Json, Session } from '../shared/api.js' */

const path = '/_matrix/client/v3/devices'
/** @param {Json} device */
const pathOf = (device) => `${path}/${encodeURIComponent(device.device_id)}`
/** @param {Json} device */
const nameOf = (device) => device.display_name || device.device_id

/**
 * Where the user is signed in.
 * @param {{ api: Api, session: Session }} options
 */
export function createDevices({ api, session }) {
  const list = h('ul', { className: 'list', 'aria-label': 'Devices' })
  const section = createSection({
    id: 'devices',
    title: 'Devices',
    intro: 'Where you are signed in. Sign out what you do not know, and then change your password in your chat app.',
    load: async (body) => {
      const { devices } = await api.get(path)
      /** @param {Json} device */
      const rank = (device) =>
        device.device_id === session.deviceId ? Number.POSITIVE_INFINITY : (device.last_seen_ts ?? 0)
      devices.sort((/** @type {Json} */ a, /** @type {Json} */ b) => rank(b) - rank(a))
      list.replaceChildren(...devices.map(deviceItem))
      body.replaceChildren(list)
    },
  })

  /** @param {Json} device */
  function deviceItem(device) {
    const isOwn = device.device_id === session.deviceId
    return h(
      'li',
      { className: 'row device' },
      h('span', { className: 'disc' }, icon('device')),
      h(
        'div',
        { className: 'grow' },
        h(
          'div',
          {},
          h('strong', {}, nameOf(device)),
          isOwn ? h('span', { className: 'badge' }, 'this browser') : undefined,
        ),
        h(
          'div',
          { className: 'soft small' },
          device.last_seen_ts ? ['Last seen: ', timeElement(device.last_seen_ts)] : 'Not used yet',
          device.last_seen_ip ? ` · ${device.last_seen_ip}` : undefined,
        ),
      ),
      h(
        'div',
        { className: 'row device-actions' },
        button('Rename', `Rename ${nameOf(device)}`, 'plain', () => rename(device)),
        isOwn ? undefined : button('Sign out', `Sign out ${nameOf(device)}`, 'danger', () => remove(device)),
      ),
    )
  }

  /** @param {Json} device */
  async function rename(device) {
    const name = h('input', { id: 'device-name', value: nameOf(device), maxLength: 100, required: true })
    const isDone = await ask({
      title: 'Rename this device',
      body: [h('label', { for: 'device-name' }, 'Name'), name],
      action: 'Rename',
      submit: async () => void (await api.put(pathOf(device), { display_name: name.value.trim() })),
    })
    if (isDone) await reload('The device has its new name')
  }

  /** @param {Json} device */
  async function remove(device) {
    const confirmation = await needed(device)
    const isDone = confirmation === undefined || (await ask(confirmation))
    if (isDone) await reload(`${nameOf(device)} has been signed out`)
  }

  /**
   * What has to be shown before a device is signed out; undefined where it is done.
   * @param {Json} device
   */
  async function needed(device) {
    /** @type {Json} */
    let stages
    try {
      await api.delete(pathOf(device))
      return undefined
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401 || !error.body.flows) throw error
      stages = error.body
    }
    const title = `Sign out ${nameOf(device)}?`
    const hasPassword = stages.flows.some((/** @type {Json} */ flow) => flow.stages.includes('m.login.password'))
    /** @param {Json} auth */
    const finish = async (auth) => {
      try {
        await api.delete(pathOf(device), { auth: { session: stages.session, ...auth } })
      } catch (error) {
        if (error instanceof ApiError && error.body.flows) throw new Error(error.body.error ?? 'That was not right.')
        throw error
      }
    }
    if (hasPassword) {
      const password = h('input', {
        id: 'confirm-password',
        type: 'password',
        required: true,
        autocomplete: 'current-password',
      })
      return {
        title,
        body: [
          h(
            'p',
            { className: 'soft' },
            'It will have to sign in again, and loses the keys to encrypted messages that it has not backed up.',
          ),
          // For password managers.
          h('input', { hidden: true, autocomplete: 'username', value: session.userId }),
          h('label', { for: 'confirm-password' }, 'Your password'),
          password,
        ],
        action: 'Sign out',
        danger: true,
        submit: () =>
          finish({
            type: 'm.login.password',
            identifier: { type: 'm.id.user', user: session.userId },
            password: password.value,
          }),
      }
    }
    const address = `/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${encodeURIComponent(stages.session)}`
    return {
      title,
      body: [
        h('p', {}, 'Show first that this is your account, in another window. Then go on here.'),
        h('a', { className: 'button plain wide', href: address, target: '_blank', rel: 'noopener' }, 'Show who I am'),
      ],
      action: 'Sign out',
      danger: true,
      submit: () => finish({}),
    }
  }

  /** @param {string} text */
  async function reload(text) {
    await section.load()
    announce(text)
  }

  return { element: section.element, load: section.load }
}

/**
 * @param {string} text
 * @param {string} label
 * @param {string} className
 * @param {() => Promise<void>} action
 */
function button(text, label, className, action) {
  const element = h('button', { type: 'button', className: `${className} slim`, 'aria-label': label }, text)
  element.addEventListener('click', async () => {
    element.disabled = true
    try {
      await action()
    } catch (error) {
      announce(error instanceof Error ? error.message : String(error))
    } finally {
      element.disabled = false
    }
  })
  return element
}
