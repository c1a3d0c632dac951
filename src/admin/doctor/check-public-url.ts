import { z } from 'zod'
import type { ServerName } from '../../matrix/ids.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import { type Finding, findingsOf } from './finding.ts'

export interface PublicUrlCheckDeps {
  readonly fetch: SafeFetch
  readonly publicUrl: string
  readonly serverName: ServerName
  readonly hasLivekit: boolean
}

const { fine, bad } = findingsOf('public_url')
const limits = { timeoutMs: 10_000, maxBytes: 256 * 1024 }
const versions = z.object({ versions: z.array(z.string()) })
const wellKnown = z.looseObject({
  'm.homeserver': z.object({ base_url: z.string() }),
  'org.matrix.msc4143.rtc_foci': z.array(z.unknown()).optional(),
})

/** Looks whether apps find the server, by its address and by its name. */
export async function* checkPublicUrl(deps: PublicUrlCheckDeps): AsyncGenerator<Finding> {
  const { fetch, publicUrl, serverName } = deps

  /** What is wrong, or the JSON. */
  async function ask<T>(url: string, schema: z.ZodType<T>): Promise<T | string> {
    try {
      const response = await fetch.fetch(url, limits)
      if (response.status !== 200) {
        response.discard()
        return `it answers ${response.status}`
      }
      return schema.safeParse(await response.json()).data ?? 'its answer is not that of a Matrix server'
    } catch (error) {
      if (error instanceof SyntaxError) return 'its answer is no JSON'
      if (!(error instanceof FetchError)) throw error
      return error.message
    }
  }

  const served = await ask(`${publicUrl}/_matrix/client/versions`, versions)
  if (typeof served === 'string')
    yield bad(`Apps do not reach the server at ${publicUrl} (public_url): ${served}. Does it run?`)
  else yield fine(`Apps reach the server at ${publicUrl}.`)

  // A name with a port, or of this machine, is not looked up by apps.
  if (serverName.includes(':') || serverName === 'localhost') return
  const file = `https://${serverName}/.well-known/matrix/client`
  const known = await ask(file, wellKnown)
  if (typeof known === 'string') {
    yield bad(`Apps do not find the server by its name: ${file} is not right: ${known}.`)
    return
  }
  const told = known['m.homeserver'].base_url.replace(/\/+$/, '')
  if (told === publicUrl) yield fine(`Apps find the server by its name ${serverName}.`)
  else yield bad(`${file} sends apps to ${told}, but public_url is ${publicUrl}.`)
  if (deps.hasLivekit && !known['org.matrix.msc4143.rtc_foci']?.length) {
    yield bad(
      `${file} does not say where calls go: add what ${publicUrl}/.well-known/matrix/client has under org.matrix.msc4143.rtc_foci.`,
    )
  }
}
