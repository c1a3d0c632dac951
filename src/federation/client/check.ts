import type { JsonObject } from '../../matrix/event.ts'
import { isServerName, type ServerName } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'
import type { Discover, ServerRoute } from './discovery/routes.ts'
import { readKeyAnswer } from './keys/key-answer.ts'
import { urlOf } from './transport.ts'

export interface Finding {
  readonly isFine: boolean
  readonly text: string
}

interface Deps {
  readonly discover: Discover
  readonly fetch: SafeFetch
  readonly clock: Clock
  readonly isAllowed: (server: ServerName) => boolean
}

const timeoutMs = 10_000
const maxBytes = 64 * 1024
/** Servers reject nothing for that, but signatures and time-outs begin to disagree. */
const tolerableSkewMs = 30_000

const fine = (text: string): Finding => ({ isFine: true, text })
const bad = (text: string): Finding => ({ isFine: false, text })

/** Goes the way of a request to another server and says, step by step and in plain words, what it finds. */
export async function* checkServer(deps: Deps, name: string): AsyncGenerator<Finding> {
  if (!isServerName(name)) {
    yield bad(`${name} is not the name of a Matrix server; such a name has neither https:// nor a path.`)
    return
  }
  if (!deps.isAllowed(name))
    yield bad(`The configuration forbids to deal with ${name} (federation.denied_servers and others).`)
  let routes: readonly ServerRoute[]
  try {
    const found = await deps.discover(name)
    for (const step of found.steps) yield fine(step)
    routes = found.routes
  } catch (error) {
    yield bad(`${name} cannot be found: ${reasonOf(error)}.`)
    return
  }
  if (routes.length === 0) yield bad(`${name} says that it has no server.`)
  for (const route of routes) yield* checkRoute(deps, name, route)
}

async function* checkRoute(deps: Deps, name: ServerName, route: ServerRoute): AsyncGenerator<Finding> {
  const place = `${route.host}:${route.port}`
  const ask = (path: string) =>
    deps.fetch.fetch(urlOf(route, path), {
      timeoutMs,
      maxBytes,
      maxRedirects: 0,
      headers: { host: route.hostHeader },
      ...(route.certificateName !== undefined && { servername: route.certificateName }),
    })
  try {
    const sent = deps.clock.now()
    const response = await ask('/_matrix/key/v2/server')
    const certificate = route.certificateName ?? route.host
    yield fine(`${place} answers over TLS, with a certificate for ${certificate} that is trusted here.`)
    yield* checkClock(deps.clock.now(), sent, response.headers.date)
    if (response.status !== 200) {
      response.discard()
      yield bad(
        `${place} does not publish keys: it answers with status ${response.status}. Does it serve federation there?`,
      )
      return
    }
    yield checkKeys(deps.clock.now(), name, await response.json())
    const version = await ask('/_matrix/federation/v1/version')
    yield version.status === 200
      ? fine(`It runs ${describeVersion(await version.json())}.`)
      : bad(`${place} answers questions about its version with status ${version.status}.`)
  } catch (error) {
    if (!(error instanceof FetchError || error instanceof SyntaxError)) throw error
    yield bad(`${place} cannot be asked: ${reasonOf(error)}.`)
  }
}

function* checkClock(now: number, sent: number, date: string | undefined): Generator<Finding> {
  const theirs = Date.parse(date ?? '')
  if (Number.isNaN(theirs)) return
  // The header has whole seconds.
  const skew = Math.abs(theirs + 500 - (now + sent) / 2)
  const seconds = Math.round(skew / 1000)
  yield skew <= tolerableSkewMs
    ? fine('Its clock and the one here agree.')
    : bad(`Its clock and the one here are ${seconds} seconds apart; one of them is wrong.`)
}

function checkKeys(now: number, name: ServerName, json: unknown): Finding {
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
  const answer = isObject ? readKeyAnswer(name, json as JsonObject, now) : undefined
  if (answer === undefined) {
    const said = isObject && 'server_name' in json ? String(json.server_name) : 'nobody'
    return said === name
      ? bad('What it says about its keys is malformed, or not signed by them.')
      : bad(`It speaks for ${said}, and not for ${name}.`)
  }
  const until = new Date(answer.validUntil).toISOString()
  if (answer.validUntil <= now) return bad(`Its keys were valid until ${until} only.`)
  const current = answer.keys.filter(({ validUntil }) => validUntil === answer.validUntil).map(({ keyId }) => keyId)
  return fine(`Its keys are signed and valid until ${until} at least: ${current.join(', ')}.`)
}

function describeVersion(json: unknown): string {
  const { server } = Object(json) as { server?: { name?: unknown; version?: unknown } }
  const words = [server?.name, server?.version].filter((word) => typeof word === 'string')
  return words.length > 0 ? words.join(' ') : 'something that does not say what it is'
}

/** The innermost reason: a certificate that does not fit, a port that is closed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : undefined
  const text = cause === undefined || error.message.includes(cause) ? error.message : `${error.message} (${cause})`
  return text.replace(/\.$/, '')
}
