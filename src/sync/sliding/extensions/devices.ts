import { errors } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { formatStreamToken, parseStreamToken } from '../../../matrix/stream-token.ts'
import { readDeviceLists } from '../../device-parts.ts'
import type { AnswerContext } from '../room-context.ts'
import type { ExtensionRequests } from '../types.ts'

const maxToDevice = 100

export interface ToDeviceAnswer {
  readonly next_batch: string
  readonly events: readonly JsonObject[]
  /** What the device has received and may be forgotten, in stream positions; undefined: nothing. */
  readonly acknowledged: number | undefined
}

/** How far a device says that it has got with its messages. Throws `400 M_INVALID_PARAM` for what is no token of ours. */
export function parseToDeviceSince(since: string | undefined): number {
  if (since === undefined) return 0
  const token = parseStreamToken(since)
  if (token === undefined) throw errors.invalidParam('since of to_device is not a token of this server')
  return token.toDevice ?? token.position
}

/** https://github.com/matrix-org/matrix-spec-proposals/pull/3885 */
export async function toDeviceAnswer(
  { ports, reader, userId, audience, to }: AnswerContext,
  { since, limit }: NonNullable<ExtensionRequests['toDevice']>,
): Promise<ToDeviceAnswer> {
  const from = Math.min(parseToDeviceSince(since), to)
  const range = { since: from, to, limit: Math.min(Math.max(limit, 1), maxToDevice) }
  const page =
    audience.deviceId === undefined
      ? undefined
      : await ports.e2ee.listToDevice(reader, userId, audience.deviceId, range)
  const upTo = page?.more === true ? page.upTo : undefined
  return {
    next_batch: formatStreamToken({ position: upTo ?? to, ephemeral: 0 }),
    events: page?.events ?? [],
    acknowledged: page?.received === true ? from : undefined,
  }
}

/** https://github.com/matrix-org/matrix-spec-proposals/pull/3884 */
export async function e2eeAnswer({
  ports,
  reader,
  userId,
  audience,
  since,
  to,
}: AnswerContext): Promise<{ content: JsonObject; hasNews: boolean }> {
  const lists = since === undefined ? undefined : await readDeviceLists(ports, reader, userId, { since, to })
  const counts = audience.deviceId && (await ports.e2ee.keyCounts(reader, userId, audience.deviceId))
  return {
    content: {
      ...(lists && { device_lists: { changed: lists.changed, left: lists.left } }),
      ...(counts && {
        device_one_time_keys_count: { ...counts.oneTimeKeys },
        device_unused_fallback_key_types: [...counts.unusedFallback],
      }),
    },
    hasNews: lists !== undefined && lists.changed.length + lists.left.length > 0,
  }
}
