import { z } from 'zod'
import { confirmAction } from '../accounts/confirmation.ts'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { crossSigningKeySchema, jsonObject } from './key-format.ts'
import { limitUploaded } from './limits.ts'
import { toNested } from './nested.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/'
const uploadSchema = z.object({
  master_key: crossSigningKeySchema.nullish(),
  self_signing_key: crossSigningKeySchema.nullish(),
  user_signing_key: crossSigningKeySchema.nullish(),
})

/** https://spec.matrix.org/v1.19/client-server-api/#cross-signing */
export function crossSigningRoutes({
  accounts,
  db,
  e2ee,
  limiter,
}: Pick<AppContext, 'accounts' | 'db' | 'e2ee' | 'limiter'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/keys/device_signing/upload',
        also: ['/_matrix/client/unstable/keys/device_signing/upload'],
        auth: 'user',
        limit: 'keys',
        strictNumbers: true,
        body: uploadSchema.extend({ auth: jsonObject.nullish() }),
        spec: `${spec}#post_matrixclientv3keysdevice_signingupload`,
      },
      async (request) => {
        const { requester, body } = request
        const upload = (keys: z.output<typeof uploadSchema>, isAuthorised: boolean) =>
          e2ee.uploadCrossSigning(requester.userId, toUpload(keys), isAuthorised)
        // Who is authenticating may leave out the keys, which the session has.
        const isOnlyAuth = body.auth != null && !body.master_key && !body.self_signing_key && !body.user_signing_key
        if (!isOnlyAuth && (await upload(body, requester.appservice !== undefined))) return {}
        const outcome = await confirmAction({ accounts, db, limiter }, request)
        await upload(uploadSchema.parse(outcome.body), true)
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/keys/signatures/upload',
        also: ['/_matrix/client/unstable/keys/signatures/upload'],
        auth: 'user',
        limit: 'keys',
        body: z.record(z.string(), z.record(z.string(), jsonObject)),
        spec: `${spec}#post_matrixclientv3keyssignaturesupload`,
      },
      async ({ requester, body }) => {
        const upload = toNested(body, (object) => object)
        let count = 0
        for (const keys of upload.values()) count += Math.max(1, keys.size)
        limitUploaded(count)
        return { failures: await e2ee.uploadSignatures(requester.userId, upload) }
      },
    ),
  ]
}

function toUpload(keys: z.output<typeof uploadSchema>) {
  return {
    master: keys.master_key ?? undefined,
    self_signing: keys.self_signing_key ?? undefined,
    user_signing: keys.user_signing_key ?? undefined,
  }
}
