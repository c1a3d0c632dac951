import type { Measures } from '../../media/amounts/measures.ts'
import type { Traffic } from '../../media/traffic.ts'
import type { Metric, Sample } from './prometheus.ts'

interface Sum {
  readonly files: number
  readonly bytes: number
}

/** Two metrics of the same things: how many there are, and how many bytes they have. */
function pair(
  name: string,
  help: string,
  type: Metric['type'],
  sums: readonly { sum: Sum; labels?: Sample['labels'] }[],
): Metric[] {
  const suffix = type === 'counter' ? '_total' : ''
  return (['files', 'bytes'] as const).map((unit) => ({
    name: `ringback_media_${name}_${unit}${suffix}`,
    help,
    type,
    samples: sums.map(({ sum, labels }) => ({ value: sum[unit], ...(labels && { labels }) })),
  }))
}

/** What there is to know about media in numbers. */
export function mediaMetrics({ kept, stored, deleted }: Measures, traffic: Traffic): Metric[] {
  const { uploads, downloads, refusals } = traffic
  const kinds = ['local', 'remote', 'preview', 'thumbnail'] as const
  return [
    ...pair(
      'kept',
      'Media that is kept, as if no contents were shared.',
      'gauge',
      kinds.map((kind) => ({ labels: { kind }, sum: kept.get(kind) ?? { files: 0, bytes: 0 } })),
    ),
    ...pair('stored', 'Contents in the storage, each once.', 'gauge', [{ sum: stored }]),
    ...pair(
      'deleted',
      'Media that was deleted since the database was made.',
      'counter',
      deleted.map(({ kind, reason, ...sum }) => ({ labels: { kind, reason }, sum })),
    ),
    ...pair('uploaded', 'Uploads since the start.', 'counter', [{ sum: uploads }]),
    ...pair(
      'delivered',
      'Files and parts of files that were sent to their end since the start, without thumbnails and redirects.',
      'counter',
      (['local', 'remote'] as const).map((kind) => ({ labels: { kind }, sum: downloads[kind] })),
    ),
    {
      name: 'ringback_media_refused_total',
      help: 'Uploads that were turned away since the start.',
      type: 'counter',
      samples: Object.entries(refusals).map(([reason, value]) => ({ labels: { reason }, value })),
    },
  ]
}
