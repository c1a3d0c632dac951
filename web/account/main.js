import { createApi, savedSession } from '../shared/api.js'
import { h, mainElement, pageData } from '../shared/dom.js'
import { openLive } from '../shared/live.js'
import { createNames } from '../shared/names.js'
import { showSignIn } from '../shared/sign-in.js'
import { createCallLog } from './calls.js'
import { createDevices } from './devices.js'
import { createPrompts } from './prompts.js'
import { createSettings } from './settings.js'

/** @import { Session } from '../shared/api.js' */

const main = mainElement()
const { serverName } = pageData()

/** What ends with the session on this page. @type {(() => void) | undefined} */
let leave

/** @param {string} [notice] */
function showSignedOut(notice) {
  leave?.()
  leave = undefined
  savedSession.clear()
  void showSignIn(main, {
    title: 'Your account',
    intro: `On ${serverName}`,
    deviceName: 'Account page',
    notice,
    onSession: (session) => {
      savedSession.set(session)
      showAccount(session)
    },
  })
}

/** @param {Session} session */
function showAccount(session) {
  leave?.()
  const api = createApi(session, () => showSignedOut('You have been signed out. Sign in again.'))
  const names = createNames(api)
  const prompts = createPrompts()
  const calls = createCallLog({ api, names })
  const settings = createSettings({ api, names, userId: session.userId, peers: calls.peers })
  const devices = createDevices({ api, session, onOwnEnd: () => showSignedOut() })
  const offline = h(
    'p',
    { className: 'notice', role: 'status', hidden: true },
    'The connection to the server is lost. What you see may be out of date; trying again.',
  )
  const name = names.show(h('h1', {}), session.userId)
  const signOut = h('button', { className: 'plain', onclick: () => endSession() }, 'Sign out')

  async function endSession() {
    signOut.disabled = true
    try {
      await api.post('/_matrix/client/v3/logout')
    } catch {
      // Who signs out here must not stay signed in on this computer because the server is away.
    }
    showSignedOut()
  }

  main.replaceChildren(
    h(
      'header',
      { className: 'row account-head' },
      h('div', { className: 'grow' }, name, h('p', { className: 'soft small' }, session.userId)),
      signOut,
    ),
    offline,
    calls.element,
    settings.element,
    devices.element,
    prompts.element,
  )

  const closeLive = openLive({
    token: session.accessToken,
    onReset: () => void calls.load(),
    onFrame: (frame) => {
      if (frame.type === 'call') calls.add(frame)
      if (frame.type === 'prompt') prompts.show(frame)
    },
    onState: (isOpen) => {
      offline.hidden = isOpen
    },
    onEnd: () => showSignedOut('You have been signed out. Sign in again.'),
  })
  void calls.load()
  void settings.load()
  void devices.load()
  leave = closeLive
}

savedSession.onChange(() => location.reload())
const saved = savedSession.get()
if (saved) showAccount(saved)
else showSignedOut()
