/** @import { Api } from './api.js' */

/** The name of a user id before the server was asked: without its server. @param {string} userId */
function shortName(userId) {
  return userId.replace(/^@/, '').split(':')[0] || userId
}

/**
 * What people call themselves. Each is asked for once.
 * @param {Pick<Api, 'get'>} api
 */
export function createNames(api) {
  /** @type {Map<string, string>} */
  const known = new Map()
  /** @type {Map<string, Promise<string>>} */
  const asked = new Map()

  /** @param {string} userId */
  async function ask(userId) {
    /** @type {unknown} */
    let name
    try {
      name = (await api.get(`/_matrix/client/v3/profile/${encodeURIComponent(userId)}`)).displayname
    } catch {
      // Who has no profile, or whose server is away, goes by the user id.
    }
    const text = typeof name === 'string' && name.trim() ? name : shortName(userId)
    known.set(userId, text)
    return text
  }

  return {
    /** What is known by now. @param {string} userId */
    get: (userId) => known.get(userId) ?? shortName(userId),
    /**
     * Fills an element with the name, now as far as it is known and again when it is.
     * @param {HTMLElement} element
     * @param {string} userId
     */
    show(element, userId) {
      element.textContent = this.get(userId)
      element.title = userId
      const answer = asked.get(userId) ?? ask(userId)
      asked.set(userId, answer)
      answer.then((name) => {
        element.textContent = name
      })
      return element
    },
  }
}

/** @typedef {ReturnType<typeof createNames>} Names */

/** A link that opens a conversation in the chat app that somebody uses. @param {string} userId */
export function chatLink(userId) {
  return `https://matrix.to/#/${encodeURIComponent(userId)}`
}
