import { z } from 'zod'
import type { RemoteDeviceLists } from '../devices/remote-device-lists.ts'
import type { EduHandler } from './edus.ts'
import { parseEdu, requireUserOf, userId } from './parse-edu.ts'

const keyObject = z.record(z.string(), z.json())

const update = z.object({
  user_id: userId,
  device_id: z.string().min(1).max(255),
  device_display_name: z.string().nullish(),
  stream_id: z.int(),
  prev_id: z.array(z.int()).nullish(),
  deleted: z.boolean().nullish(),
  keys: keyObject.nullish(),
})

/** https://spec.matrix.org/v1.19/server-server-api/#device-management */
export function createDeviceListEdu(lists: RemoteDeviceLists): EduHandler {
  return async (origin, content) => {
    const edu = parseEdu(update, content)
    requireUserOf(origin, edu.user_id)
    await lists.deviceUpdated({
      userId: edu.user_id,
      deviceId: edu.device_id,
      streamId: edu.stream_id,
      previous: edu.prev_id ?? [],
      deleted: edu.deleted ?? false,
      keys: edu.keys ?? undefined,
      name: edu.device_display_name ?? undefined,
    })
  }
}

const signingKeys = z.object({
  user_id: userId,
  master_key: keyObject.nullish(),
  self_signing_key: keyObject.nullish(),
})

/** https://spec.matrix.org/v1.19/server-server-api/#msigning_key_update */
export function createSigningKeyEdu(lists: RemoteDeviceLists): EduHandler {
  return async (origin, content) => {
    const edu = parseEdu(signingKeys, content)
    requireUserOf(origin, edu.user_id)
    await lists.signingKeysUpdated(edu.user_id, {
      ...(edu.master_key && { master: edu.master_key }),
      ...(edu.self_signing_key && { selfSigning: edu.self_signing_key }),
    })
  }
}
