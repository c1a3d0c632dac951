import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { jsonObject } from './key-format.ts'
import { limitNamed, limitObject } from './limits.ts'
import { toNested } from './nested.ts'

/** https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging */
export function toDeviceRoutes({ e2ee }: Pick<AppContext, 'e2ee'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/client/v3/sendToDevice/{eventType}/{txnId}',
        auth: 'user-or-guest',
        limit: 'keys',
        body: z.object({ messages: z.record(z.string(), z.record(z.string(), jsonObject)) }),
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid',
      },
      async ({ requester, params, body }) => {
        const messages = toNested(body.messages, (content) => content)
        limitNamed(messages)
        for (const devices of messages.values()) {
          for (const content of devices.values()) limitObject(JSON.stringify(content))
        }
        await e2ee.toDevice.send(
          { sender: requester.userId, type: params.eventType, messages },
          { deviceId: requester.deviceId, txnId: params.txnId },
        )
        return {}
      },
    ),
  ]
}
