import { z } from 'zod'
import type { Requester } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import { formatStreamToken, parseStreamToken } from '../matrix/stream-token.ts'
import type { Audience } from './client-event.ts'

/** Clients send null where they mean nothing. */
export const text = z.string().nullish()

/** The content of an event: any object. */
export const content = z.looseObject({})

/** What a request's body says beside its required keys. */
export const reason = z.object({ reason: text })

export function reasonContent(body: { readonly reason?: string | null | undefined }): JsonObject {
  return typeof body.reason === 'string' ? { reason: body.reason } : {}
}

/** A body that was parsed as JSON is JSON. */
export function asContent(rawBody: unknown): JsonObject {
  return rawBody as JsonObject
}

/** The stream position of a pagination token; undefined where there is none. Throws `400 M_INVALID_PARAM`. */
export function positionOf(token: string | undefined): number | undefined {
  if (token === undefined || token === '') return undefined
  const parsed = parseStreamToken(token)
  if (parsed === undefined) throw errors.invalidParam('This pagination token is not one of ours')
  return parsed.position
}

/** A pagination token for a stream position. */
export function tokenOf(position: number): string {
  return formatStreamToken({ position, ephemeral: 0 })
}

export function audienceOf(requester: Requester): Audience {
  return { userId: requester.userId, deviceId: requester.deviceId }
}
