import { z } from 'zod'
import { duration, httpUrl, secret, text } from './fields.ts'

export const storage = z
  .strictObject({
    kind: z
      .enum(['files', 's3'])
      .default('files')
      .describe(
        'Where the bytes of media are kept: files under data_dir, or s3. Set the keys below, run "ringback media migrate --to s3", and change this last.',
      ),
    endpoint: httpUrl()
      .optional()
      .describe('The address of the object storage. Default: that of Amazon in the region.')
      .meta({ example: 'https://s3.example.org' }),
    region: text()
      .default('us-east-1')
      .describe('The region of the bucket; what the storage says, or any where it has none.'),
    bucket: text().optional().describe('The bucket. It must exist.').meta({ example: 'matrix-media' }),
    prefix: z
      .string()
      .transform((value) => value.replace(/^\/+|\/+$/g, '').replace(/.$/, '$&/'))
      .prefault('')
      .describe('A folder within the bucket. Each server needs one of its own.')
      .meta({ example: 'ringback/' }),
    access_key_id: text()
      .optional()
      .describe(
        'The name to use it with. Default: what the environment or the machine offers, as with other programs for S3.',
      )
      .meta({ example: 'ringback' }),
    secret_access_key: secret().optional().describe('The secret for it.').meta({ example: 'a secret', secret: true }),
    force_path_style: z
      .boolean()
      .optional()
      .describe('Put the bucket into the path instead of in front of the host. Default: true where endpoint is set.')
      .meta({ example: true }),
    storage_class: text()
      .optional()
      .describe('The storage class of new objects. Default: that of the bucket.')
      .meta({ example: 'STANDARD_IA' }),
    timeout: duration()
      .prefault('15s')
      .describe('How long the storage may say nothing before it is asked again or given up.'),
    redirect: z
      .boolean()
      .default(false)
      .describe(
        'Send clients and servers that download to the storage itself, with an address that works for link_lifetime. Files whose delivery is followed still come from this server.',
      ),
    public_endpoint: httpUrl()
      .optional()
      .describe('The address of the storage for clients, where it differs from endpoint.')
      .meta({ example: 'https://files.example.org' }),
    link_lifetime: duration().prefault('5m').describe('How long such an address works; at most 7d.'),
  })
  .prefault({})
  .describe('Where the bytes of media are kept.')
