import { randomBytes } from 'node:crypto'
import {
  attributes,
  encodeRequest,
  errorOf,
  longTermKey,
  methods,
  readXorAddress,
  type StunAnswer,
} from './stun-message.ts'
import { openStunTransport, type StunTransport } from './stun-transport.ts'
import { parseTurnUri } from './turn-uri.ts'

export interface TurnLogin {
  readonly username: string
  readonly password: string
}

/** The server gave no relay; the message says why in plain words. */
export class TurnProbeError extends Error {
  override name = 'TurnProbeError'
}

/** Protocol number of UDP, and three bytes for later use. */
const udp = Buffer.from([17, 0, 0, 0])

/**
 * Has a TURN server give a relay, as the app of a caller does, and gives it back; returns the relay's address, or what a
 * STUN server sees as ours. Throws a `TurnProbeError`.
 */
export async function probeTurn(uri: string, login: TurnLogin, timeoutMs = 5000): Promise<string> {
  const parsed = parseTurnUri(uri)
  if (parsed === undefined) throw new TurnProbeError('this is no address of a TURN server')
  const signal = AbortSignal.timeout(timeoutMs)
  let transport: StunTransport | undefined
  try {
    transport = await openStunTransport(parsed, signal)
    return parsed.isTurn ? await allocate(transport, login) : await bind(transport)
  } catch (error) {
    if (error instanceof TurnProbeError) throw error
    const text = error instanceof Error ? error.message : String(error)
    throw new TurnProbeError(signal.aborted ? `nothing answers there within ${timeoutMs / 1000} s` : text)
  } finally {
    transport?.close()
  }
}

async function bind(transport: StunTransport): Promise<string> {
  const answer = await transport.ask(
    encodeRequest({ method: methods.binding, transaction: randomBytes(12), attributes: [] }),
  )
  return addressIn(answer, attributes.xorMappedAddress)
}

async function allocate(transport: StunTransport, { username, password }: TurnLogin): Promise<string> {
  const wanted = [[attributes.requestedTransport, udp]] as const
  const method = methods.allocate
  const challenge = await transport.ask(encodeRequest({ method, transaction: randomBytes(12), attributes: wanted }))
  const realm = challenge.attributes.get(attributes.realm)
  const nonce = challenge.attributes.get(attributes.nonce)
  if (challenge.isSuccess) throw new TurnProbeError('it gives relays to anybody, without a password')
  if (realm === undefined || nonce === undefined) throw new TurnProbeError(`it refuses: ${describe(challenge)}`)
  const login = [
    [attributes.username, Buffer.from(username)],
    [attributes.realm, realm],
    [attributes.nonce, nonce],
  ] as const
  const key = longTermKey(username, realm.toString('utf8'), password)
  const answer = await transport.ask(
    encodeRequest({ method, transaction: randomBytes(12), attributes: [...wanted, ...login], key }),
  )
  if (errorOf(answer)?.code === 401) {
    throw new TurnProbeError(
      'it does not accept the password; see whether both have the same shared secret, and the same time',
    )
  }
  const relayed = addressIn(answer, attributes.xorRelayedAddress)
  const none = Buffer.alloc(4)
  const giveBack = [[attributes.lifetime, none], ...login] as const
  await transport.ask(
    encodeRequest({ method: methods.refresh, transaction: randomBytes(12), attributes: giveBack, key }),
  )
  return relayed
}

function addressIn(answer: StunAnswer, attribute: number): string {
  const value = answer.attributes.get(attribute)
  const address = answer.isSuccess && value ? readXorAddress(value, answer.transaction) : undefined
  if (address === undefined) throw new TurnProbeError(`it refuses: ${describe(answer)}`)
  return address
}

function describe(answer: StunAnswer): string {
  const error = errorOf(answer)
  return error === undefined ? 'its answer makes no sense' : `${error.code} ${error.text}`.trim()
}
