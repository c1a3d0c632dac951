import { z } from 'zod'
import { accessTokenOf } from '../http/auth.ts'
import type { RequestBase } from '../http/endpoint.ts'
import { parseQuery } from '../http/query.ts'
import { errors } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/event.ts'
import type { ServerName } from '../matrix/ids.ts'
import type { Appservice } from './appservices/appservice.ts'
import type { Appservices } from './appservices/appservices.ts'
import type { DeviceRequest } from './login.ts'
import type { Grant } from './types.ts'

/** Keys of a request body that logs somebody in. */
export const deviceKeys = {
  device_id: z.string().optional(),
  initial_device_display_name: z.string().optional(),
  refresh_token: z.boolean().optional(),
}

export function deviceRequest(body: z.output<z.ZodObject<typeof deviceKeys>>): DeviceRequest {
  return {
    deviceId: body.device_id,
    displayName: body.initial_device_display_name,
    refreshable: body.refresh_token === true,
  }
}

/** What a client is told about its new session. */
export function grantJson(grant: Grant, serverName: ServerName): JsonObject {
  return {
    user_id: grant.userId,
    home_server: serverName,
    device_id: grant.deviceId,
    access_token: grant.accessToken,
    ...(grant.refreshToken !== undefined && { refresh_token: grant.refreshToken }),
    ...(grant.expiresInMs !== undefined && { expires_in_ms: grant.expiresInMs }),
  }
}

/** The application service whose token came with a request to an endpoint that is open to everybody. */
export function requireAppservice({ headers, url }: RequestBase, appservices: Appservices): Appservice {
  const token = accessTokenOf(headers.authorization, parseQuery(url), true)
  if (token === undefined) throw errors.missingToken()
  const appservice = appservices.byToken(token)
  if (!appservice) throw errors.unknownToken()
  return appservice
}
