import { errors } from '../matrix/errors.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { matchesEtag } from './etag.ts'
import { reply } from './reply.ts'
import { readWebFiles } from './web-files.ts'
import { webFolder } from './web-page.ts'

/** The scripts and styles of the server's own pages. */
export function webRoutes(): Endpoint[] {
  const files = readWebFiles()
  return [
    endpoint(
      { method: 'GET', path: `${webFolder}/{folder}/{file}`, auth: 'none', surface: 'pages' },
      ({ params, headers }) => {
        const file = files.get(`${params.folder}/${params.file}`)
        if (!file) throw errors.notFound('There is no such file')
        const fresh = {
          ETag: file.etag,
          // After an upgrade a page must not run with yesterday's scripts.
          'Cache-Control': 'no-cache',
          'X-Content-Type-Options': 'nosniff',
        }
        if (matchesEtag(headers['if-none-match'], file.etag)) return reply(304, undefined, fresh)
        return reply(200, file.bytes, { ...fresh, 'Content-Type': file.type })
      },
    ),
  ]
}
