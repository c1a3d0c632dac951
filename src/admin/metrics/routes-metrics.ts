import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { reply } from '../../http/reply.ts'
import { mediaMetrics } from './media-metrics.ts'
import { prometheusText } from './prometheus.ts'

/** Numbers for Prometheus, with the access token of an administrator. */
export function metricsRoutes({ media }: Pick<AppContext, 'media'>): Endpoint[] {
  return [
    endpoint({ method: 'GET', path: '/_ringback/admin/v1/metrics', auth: 'admin' }, async () =>
      reply(200, prometheusText(mediaMetrics(await media.measure(), media.traffic)), {
        'Content-Type': 'text/plain; version=0.0.4; charset=utf-8',
      }),
    ),
  ]
}
