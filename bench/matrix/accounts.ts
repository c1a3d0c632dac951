import { createHmac, randomBytes } from 'node:crypto'
import { CallError, call } from '../http/call.ts'
import type { Requester } from '../http/connection.ts'
import { requireString } from '../http/json.ts'

/** A registered user and its access token. */
export interface Account {
  userId: string
  token: string
}

/** Makes new accounts on one server. */
export type Register = () => Promise<Account>

/**
 * Chooses how accounts are made, at the first use: open registration with the dummy stage, or, where that is refused,
 * the shared-secret endpoint. Names are random, so a server may be measured twice.
 */
export function createRegister(requester: Requester, sharedSecret: string | undefined): Register {
  let open = true
  return async () => {
    const username = `bench-${randomBytes(6).toString('hex')}`
    const password = randomBytes(12).toString('hex')
    if (open) {
      try {
        return await registerOpenly(requester, username, password)
      } catch (error) {
        const refused = error instanceof CallError && error.status >= 400 && error.status < 500
        if (!refused || sharedSecret === undefined) throw error
        open = false
      }
    }
    if (sharedSecret === undefined) throw new Error('registration is closed and no --shared-secret was given')
    return await registerBySecret(requester, sharedSecret, username, password)
  }
}

async function registerOpenly(requester: Requester, username: string, password: string): Promise<Account> {
  const path = '/_matrix/client/v3/register'
  const body = { username, password, initial_device_display_name: 'bench', auth: { type: 'm.login.dummy' } }
  try {
    return toAccount(await call(requester, 'POST', path, undefined, body))
  } catch (error) {
    if (!(error instanceof CallError) || error.status !== 401) throw error
    const session = requireString(error.body, 'session')
    return toAccount(await call(requester, 'POST', path, undefined, { ...body, auth: { ...body.auth, session } }))
  }
}

async function registerBySecret(requester: Requester, secret: string, username: string, password: string) {
  const path = '/_synapse/admin/v1/register'
  const nonce = requireString(await call(requester, 'GET', path), 'nonce')
  const mac = createHmac('sha1', secret).update([nonce, username, password, 'notadmin'].join('\0')).digest('hex')
  return toAccount(await call(requester, 'POST', path, undefined, { nonce, username, password, admin: false, mac }))
}

function toAccount(answer: Parameters<typeof requireString>[0]): Account {
  return { userId: requireString(answer, 'user_id'), token: requireString(answer, 'access_token') }
}
