import { request } from './api.js'
import { h, messageOf, workingForm } from './dom.js'

/** @import { Json, Session } from './api.js' */

const path = '/_matrix/client/v3/login'
/** Set when this browser set out to a provider: a login that it did not ask for is not taken. */
const askedKey = 'ringback.sso'

/**
 * Shows how to sign in, and calls back with the session.
 * @param {HTMLElement} main
 * @param {{ title: string, intro: string, deviceName: string, notice?: string | undefined, onSession: (session: Session) => void }} options
 */
export async function showSignIn(main, { title, intro, deviceName, notice, onSession }) {
  const failure = h('p', { className: 'bad', role: 'alert', hidden: notice === undefined }, notice)
  const card = h('div', { className: 'card narrow' }, h('h1', {}, title), h('p', { className: 'soft' }, intro), failure)
  main.replaceChildren(card)

  /** @param {Json} credentials */
  async function login(credentials) {
    const body = { ...credentials, initial_device_display_name: `${deviceName} in ${browserName()}` }
    const answer = await request('POST', path, { body })
    onSession({ userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token })
  }

  /** @type {Json[]} */
  let flows
  try {
    const token = takeLoginToken()
    if (token !== undefined) return await login({ type: 'm.login.token', token })
  } catch (error) {
    failure.textContent = messageOf(error)
    failure.hidden = false
  }
  try {
    flows = (await request('GET', path)).flows
  } catch (error) {
    failure.textContent = messageOf(error)
    failure.hidden = false
    card.append(h('button', { className: 'wide', onclick: () => location.reload() }, 'Try again'))
    return
  }
  const sso = flows.find(({ type }) => type === 'm.login.sso')
  if (flows.some(({ type }) => type === 'm.login.password')) card.append(passwordForm(login))
  if (sso) card.append(...ssoLinks(sso))
  card.querySelector('input')?.focus()
}

/** @param {(credentials: Json) => Promise<void>} login */
function passwordForm(login) {
  const name = h('input', {
    id: 'name',
    name: 'username',
    required: true,
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: false,
  })
  const password = h('input', {
    id: 'password',
    name: 'password',
    type: 'password',
    required: true,
    autocomplete: 'current-password',
  })
  return workingForm(
    {},
    () =>
      login({
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: name.value.trim() },
        password: password.value,
      }),
    h('label', { for: 'name' }, 'Name'),
    name,
    h('label', { for: 'password' }, 'Password'),
    password,
    h('button', { className: 'wide' }, 'Sign in'),
  )
}

/** @param {Json} flow */
function ssoLinks(flow) {
  const back = `${location.origin}${location.pathname}`
  const query = new URLSearchParams({ redirectUrl: back })
  /** @type {{ id?: string, name: string }[]} */
  const providers = flow.identity_providers?.length ? flow.identity_providers : [{ name: 'your other account' }]
  return providers.map(({ id, name }) =>
    h(
      'a',
      {
        className: 'button plain wide',
        href: `${path}/sso/redirect${id === undefined ? '' : `/${encodeURIComponent(id)}`}?${query}`,
        onclick: () => sessionStorage.setItem(askedKey, 'yes'),
      },
      `Continue with ${name}`,
    ),
  )
}

/** The token with which a provider sent somebody back; it is taken out of the address. */
function takeLoginToken() {
  const token = new URLSearchParams(location.search).get('loginToken') ?? undefined
  if (token === undefined) return undefined
  history.replaceState(null, '', location.pathname)
  const wasAsked = sessionStorage.getItem(askedKey) !== null
  sessionStorage.removeItem(askedKey)
  if (!wasAsked) throw new Error('This link to sign in was not asked for here. Sign in again.')
  return token
}

function browserName() {
  const agent = navigator.userAgent
  /** @param {[RegExp, string][]} names */
  const find = (names) => names.find(([pattern]) => pattern.test(agent))?.[1]
  const browser = find([
    [/Firefox|FxiOS/, 'Firefox'],
    [/Edg/, 'Edge'],
    [/OPR/, 'Opera'],
    [/Chrome|CriOS|Chromium/, 'Chrome'],
    [/Safari/, 'Safari'],
  ])
  const system = find([
    [/Android/, 'Android'],
    [/iPhone|iPad/, 'iOS'],
    [/Windows/, 'Windows'],
    [/Mac OS/, 'macOS'],
    [/CrOS/, 'ChromeOS'],
    [/Linux/, 'Linux'],
  ])
  return [browser ?? 'a browser', system].filter(Boolean).join(' on ')
}
