import { createApi, savedSession } from './api.js'
import { h, mainElement, pageData } from './dom.js'
import { openLive } from './live.js'
import { createNames } from './names.js'
import { showSignIn } from './sign-in.js'

/**
 * @import { Api, Session } from './api.js'
 * @import { Frame } from './live.js'
 * @import { Names } from './names.js'
 */

/**
 * @typedef {object} Content
 * @property {Node[]} elements
 * @property {() => void} load what has to be asked for again when something may have been missed
 * @property {(frame: Frame) => void} onFrame
 * @property {() => void} [leave]
 *
 * @typedef {object} Signed
 * @property {Session} session
 * @property {Api} api
 * @property {Names} names
 */

const gone = 'You have been signed out. Sign in again.'

/**
 * A page for somebody who is signed in: asks for that first, follows the live socket, and ends with the session.
 * @param {{ title: string, deviceName: string, other: { href: string, text: string }, build: (signed: Signed) => Content }} options
 */
export function runPage({ title, deviceName, other, build }) {
  const main = mainElement()
  const { serverName } = pageData()
  /** @type {(() => void) | undefined} */
  let leave

  /** @param {string} [notice] */
  function showSignedOut(notice) {
    leave?.()
    leave = undefined
    savedSession.clear()
    void showSignIn(main, {
      title,
      intro: `On ${serverName}`,
      deviceName,
      notice,
      onSession: (session) => {
        savedSession.set(session)
        showContent(session)
      },
    })
  }

  /** @param {Session} session */
  function showContent(session) {
    leave?.()
    const api = createApi(session, () => showSignedOut(gone))
    const names = createNames(api)
    const content = build({ session, api, names })
    const offline = h(
      'p',
      { className: 'notice', role: 'status', hidden: true },
      'The connection to the server is lost. What you see may be out of date; trying again.',
    )
    const signOut = h('button', { className: 'plain slim', onclick: () => void endSession() }, 'Sign out')

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
        { className: 'row page-head' },
        h(
          'div',
          { className: 'grow' },
          names.show(h('h1', {}), session.userId),
          h('p', { className: 'soft small' }, session.userId),
        ),
        h(
          'div',
          { className: 'row' },
          h('a', { className: 'button plain slim', href: other.href }, other.text),
          signOut,
        ),
      ),
      offline,
      ...content.elements,
    )
    const closeLive = openLive({
      token: session.accessToken,
      onReset: content.load,
      onFrame: content.onFrame,
      onState: (isOpen) => {
        offline.hidden = isOpen
        // A browser does not tell a refused socket from a server that is away; an answer does.
        if (!isOpen) api.get('/_matrix/client/v3/account/whoami').catch(() => undefined)
      },
      onEnd: () => showSignedOut(gone),
    })
    content.load()
    leave = () => {
      closeLive()
      content.leave?.()
    }
  }

  savedSession.onChange(() => location.reload())
  const saved = savedSession.get()
  if (saved) showContent(saved)
  else showSignedOut()
}
