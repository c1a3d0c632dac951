import { z } from 'zod'
import type { JsonObject } from '../matrix/event.ts'

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
