import { z } from 'zod'
import { compileNamespace, type Namespace } from './namespace.ts'

/** What a registration file says: https://spec.matrix.org/v1.19/application-service-api/#registration */
export interface Registration {
  readonly id: string
  /** Where requests go to, without a slash at the end; undefined: the service wants none. */
  readonly url: string | undefined
  readonly asToken: string
  readonly hsToken: string
  readonly senderLocalpart: string
  readonly namespaces: Namespaces
  /** Limit the users that it acts for like all others. */
  readonly isRateLimited: boolean
  /** Third-party networks that it bridges to. */
  readonly protocols: readonly string[]
  /** It wants typing, receipts, presence and messages to devices. */
  readonly receivesEphemeral: boolean
  /** It wants device lists and key counts. */
  readonly receivesDeviceNews: boolean
  /** It makes devices without logging in, and may not log in. */
  readonly managesDevices: boolean
  /** Callers may be asked for a note when its users do not answer. */
  readonly takesNotes: boolean
}

export interface Namespaces {
  readonly users: readonly Namespace[]
  readonly rooms: readonly Namespace[]
  readonly aliases: readonly Namespace[]
}

const requiredText = z.string().min(1)
const flag = z.boolean().nullish()

const namespace = z.object({ regex: z.string(), exclusive: z.boolean() }).transform(({ regex, exclusive }, ctx) => {
  try {
    return compileNamespace(regex, exclusive)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    ctx.addIssue({ code: 'custom', path: ['regex'], message: error.message })
    return z.NEVER
  }
})
const namespaceList = z
  .array(namespace)
  .nullish()
  .transform((list) => list ?? [])

const address = z
  .string()
  .nullable()
  .transform((value, ctx) => {
    if (value === null || value === '') return undefined
    const url = URL.parse(value)
    const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:'
    if (isWeb && url.username === '' && url.search === '' && url.hash === '') return value.replace(/\/+$/, '')
    ctx.addIssue({ code: 'custom', message: 'must be an address such as http://localhost:9999, or null' })
    return z.NEVER
  })

// Printable ASCII without the colon: what user ids have ever been made of. With @ somebody meant a whole id.
const senderLocalpart = z.string().regex(/^(?!@)[!-9;-~]{1,128}$/, {
  error: 'must be the part of a user id between @ and the colon, such as _irc_bot',
})

export const registrationSchema = z
  .object({
    id: requiredText,
    url: address,
    as_token: requiredText,
    hs_token: requiredText,
    sender_localpart: senderLocalpart,
    namespaces: z.object({ users: namespaceList, rooms: namespaceList, aliases: namespaceList }),
    rate_limited: flag,
    protocols: z.array(z.string()).nullish(),
    receive_ephemeral: flag,
    push_ephemeral: flag,
    'de.sorunome.msc2409.push_ephemeral': flag,
    'org.matrix.msc3202': flag,
    device_management: flag,
    'io.element.msc4190': flag,
    'io.ringback.missed_call_notes': flag,
  })
  .transform(
    (file): Registration => ({
      id: file.id,
      url: file.url,
      asToken: file.as_token,
      hsToken: file.hs_token,
      senderLocalpart: file.sender_localpart,
      namespaces: file.namespaces,
      isRateLimited: file.rate_limited ?? true,
      protocols: file.protocols ?? [],
      receivesEphemeral:
        file.receive_ephemeral ?? file.push_ephemeral ?? file['de.sorunome.msc2409.push_ephemeral'] ?? false,
      receivesDeviceNews: file['org.matrix.msc3202'] ?? false,
      managesDevices: file.device_management ?? file['io.element.msc4190'] ?? false,
      takesNotes: file['io.ringback.missed_call_notes'] ?? false,
    }),
  )

/** What to write where a key is missing. */
export const missingHints: Readonly<Record<string, string>> = {
  id: 'give each application service a name of its own',
  url: 'write the address of the application service, or null if it wants no events',
  as_token: 'write the secret that the application service sends to this server',
  hs_token: 'write the secret that this server sends to the application service',
  sender_localpart: 'write the name of its own user, without @ and server',
  namespaces: 'write the lists users, rooms and aliases, empty ones as []',
  regex: 'write a regular expression for the ids',
  exclusive: 'write true if nobody else may use such ids, else false',
}
