/**
 * @typedef {{ userId: string, deviceId: string, accessToken: string }} Session
 * @typedef {{ [key: string]: any }} Json
 */

/** What the server answered instead of what was asked for; the message is for people. */
export class ApiError extends Error {
  /** @param {number} status @param {Json} body */
  constructor(status, body) {
    super(explain(status, body))
    this.status = status
    /** @type {string | undefined} */
    this.errcode = body.errcode
    this.body = body
  }
}

/** @param {number} status @param {Json} body */
function explain(status, body) {
  if (status === 429) {
    const seconds = Math.ceil((body.retry_after_ms ?? 5000) / 1000)
    return `That was too often. Try again in ${seconds} seconds.`
  }
  if (status >= 500) return 'The server could not do that. Try again in a while.'
  return body.error || `The server answered ${status}.`
}

/**
 * One request, without a session unless a token is given.
 * @param {string} method
 * @param {string} path
 * @param {{ body?: Json, token?: string, query?: Record<string, string | number | undefined> }} [options]
 * @returns {Promise<Json>}
 */
export async function request(method, path, options = {}) {
  const response = await send(method, path, options)
  return response.json()
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: Json, token?: string, query?: Record<string, string | number | undefined> }} options
 */
async function send(method, path, { body, token, query = {} }) {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
  const address = parameters.size > 0 ? `${path}?${parameters}` : path
  /** @type {Response} */
  let response
  try {
    response = await fetch(address, {
      method,
      cache: 'no-store',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      headers: {
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch {
    throw new Error('The server cannot be reached. Check your connection and try again.')
  }
  if (!response.ok) throw new ApiError(response.status, await response.json().catch(() => ({})))
  return response
}

/**
 * Requests of a session. `onEnd` is called once the server does not know the session any more.
 * @param {Session} session
 * @param {() => void} onEnd
 */
export function createApi({ accessToken: token }, onEnd) {
  /** @template T @param {Promise<T>} answer */
  async function watch(answer) {
    try {
      return await answer
    } catch (error) {
      if (error instanceof ApiError && error.errcode === 'M_UNKNOWN_TOKEN') onEnd()
      throw error
    }
  }
  return {
    token,
    /** @param {string} path @param {Record<string, string | number | undefined>} [query] */
    get: (path, query) => watch(request('GET', path, { token, query: query ?? {} })),
    /** @param {string} path @param {Json} [body] */
    post: (path, body = {}) => watch(request('POST', path, { token, body })),
    /** @param {string} path @param {Json} body */
    put: (path, body) => watch(request('PUT', path, { token, body })),
    /** @param {string} path @param {Json} [body] */
    delete: (path, body = {}) => watch(request('DELETE', path, { token, body })),
    /** Media by its `mxc:` address. @param {string} mxc @returns {Promise<Blob>} */
    media: async (mxc) => {
      const place = mxc
        .replace(/^mxc:\/\//, '')
        .split('/')
        .map(encodeURIComponent)
        .join('/')
      const response = await watch(send('GET', `/_matrix/client/v1/media/download/${place}`, { token }))
      return response.blob()
    },
  }
}

/** @typedef {ReturnType<typeof createApi>} Api */

const key = 'ringback.session'

/**
 * The session of this browser. It is kept in `localStorage`: the account page and the inbox share it, and one for each tab
 * would fill the list of devices. No script but those of this server runs on these pages, whose policy forbids it.
 */
export const savedSession = {
  /** @returns {Session | undefined} */
  get() {
    try {
      const value = JSON.parse(localStorage.getItem(key) ?? 'null')
      return typeof value?.accessToken === 'string' && typeof value.userId === 'string' ? value : undefined
    } catch {
      return undefined
    }
  },
  /** @param {Session} session */
  set: (session) => localStorage.setItem(key, JSON.stringify(session)),
  clear: () => localStorage.removeItem(key),
  /** Calls back when another tab signed in or out. @param {() => void} listener */
  onChange: (listener) => addEventListener('storage', (event) => event.key === key && listener()),
}
