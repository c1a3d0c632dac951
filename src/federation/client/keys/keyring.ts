import { lenientCanonicalJson } from '../../../matrix/canonical-json.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import type { JsonObject, Pdu } from '../../../matrix/event.ts'
import { signedText } from '../../../matrix/event-signing.ts'
import type { ServerName } from '../../../matrix/ids.ts'
import { requiredSigners } from '../../../matrix/required-signers.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions.ts'
import { signaturesBy, verifySignatureAside } from '../../../matrix/signing.ts'
import { createYielder, mapLimit } from '../../../util/async.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Keyring } from '../ports.ts'
import type { AskOptions } from './key-source.ts'
import type { KeysById, KnownKeys } from './known-keys.ts'

/** A keyring that also checks requests of other servers. */
export interface RequestKeyring extends Keyring {
  /** Whether one of the signatures (Base64 by key id) over the text is by `server`, which has just sent it, with a key that is valid now. */
  verifyRequest(server: ServerName, signatures: Signatures, text: string): Promise<boolean>
}

type Signatures = ReadonlyMap<string, string>

export interface KeyringDeps {
  readonly serverName: ServerName
  readonly ownKeys: () => KeysById
  readonly known: KnownKeys
  readonly clock: Clock
}

const parallelServers = 100
const patienceMs = 60_000
/** More than there are threads for it, so that none is idle; few enough that files and names need not queue behind them. */
const parallelChecks = 8

export function createKeyring({ serverName, ownKeys, known, clock }: KeyringDeps): RequestKeyring {
  /** The keys of a server, asked for again where what is known does not suffice. */
  async function keysFor(server: ServerName, needs: readonly Need[], options?: AskOptions): Promise<KeysById> {
    if (server === serverName) return ownKeys()
    return known.find(server, (keys) => needs.every((need) => isMet(need, keys)), options)
  }

  async function verify(server: ServerName, signatures: Signatures, text: string, validAt: number, isThere: boolean) {
    if (signatures.size === 0) return false
    const need = { keyIds: [...signatures.keys()], validAt }
    return fits(await keysFor(server, [need], { isThere }), signatures, text, validAt)
  }

  async function verifyEvents(rules: RoomVersionRules, pdus: readonly Pdu[]): Promise<boolean[]> {
    const checks = pdus.map((pdu) => checksOf(rules, pdu))
    const needs = new Map<ServerName, Need[]>()
    for (const { server, signatures, validAt } of checks.flat()) {
      if (signatures.size === 0) continue
      const list = needs.get(server) ?? []
      list.push({ keyIds: [...signatures.keys()], validAt })
      needs.set(server, list)
    }
    const signal = AbortSignal.timeout(patienceMs)
    const keys = new Map<ServerName, KeysById>()
    await mapLimit([...needs], parallelServers, async ([server, list]) => {
      keys.set(server, await keysFor(server, list, { signal }))
    })
    const pause = createYielder()
    return mapLimit(pdus, parallelChecks, async (pdu, i) => {
      await pause()
      const text = textOf(pdu, rules)
      if (text === undefined) return false
      for (const { server, signatures, validAt } of checks[i] ?? []) {
        if (!(await fits(keys.get(server) ?? noKeys, signatures, text, validAt))) return false
      }
      return true
    })
  }

  return {
    verifyRequest: (server, signatures, text) => verify(server, signatures, text, clock.now(), true),
    verifyEvents,
    verifyJson: async (server, object, validAt = clock.now()) => {
      const text = jsonText(object)
      return text !== undefined && verify(server, signaturesBy(object, server), text, validAt, false)
    },
  }
}

/** One of these keys, valid at that time. */
interface Need {
  readonly keyIds: readonly string[]
  readonly validAt: number
}

const noKeys: KeysById = new Map()

function isMet({ keyIds, validAt }: Need, keys: KeysById): boolean {
  return keyIds.some((keyId) => {
    const key = keys.get(keyId)
    return key !== undefined && key.validUntil >= validAt
  })
}

async function fits(keys: KeysById, signatures: Signatures, text: string, validAt: number): Promise<boolean> {
  for (const [keyId, signature] of signatures) {
    const key = keys.get(keyId)
    if (key && key.validUntil >= validAt && (await verifySignatureAside(text, key.publicKey, signature))) return true
  }
  return false
}

/** Before room version 5 it does not matter until when a key was valid. */
function checksOf(rules: RoomVersionRules, pdu: Pdu) {
  const validAt = rules.enforceKeyValidity ? pdu.origin_server_ts : Number.NEGATIVE_INFINITY
  return requiredSigners(rules, pdu).map((server) => ({ server, signatures: signaturesBy(pdu, server), validAt }))
}

function textOf(pdu: Pdu, rules: RoomVersionRules): string | undefined {
  return orUndefined(() => signedText(pdu, rules))
}

function jsonText({ signatures: _signatures, unsigned: _unsigned, ...rest }: JsonObject): string | undefined {
  return orUndefined(() => lenientCanonicalJson(rest))
}

/** What is no JSON that can be signed has no valid signature. */
function orUndefined(encode: () => string): string | undefined {
  try {
    return encode()
  } catch (error) {
    if (error instanceof MatrixError) return undefined
    throw error
  }
}
