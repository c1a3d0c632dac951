import { createTransfer } from '../http/transfer.ts'
import { registerMany, withServer } from '../matrix/session.ts'
import { startProbe } from '../measure/probe.ts'
import { cpuMs } from '../measure/process.ts'
import { percentile } from '../measure/stats.ts'
import { metricsOf, type Scenario } from '../scenario.ts'

const { lower, higher } = metricsOf('media-thumbnails')
const CLIENTS = 4
const PROBE_MS = 20
const SIZES = [
  'width=96&height=96&method=crop',
  'width=320&height=240&method=scale',
  'width=800&height=600&method=scale',
]

/** Four clients ask for thumbnails of photos that nobody has asked for before, and then again for those that were made. */
export const mediaThumbnails: Scenario = {
  name: 'media-thumbnails',
  group: 'media',
  what: 'thumbnails of photos with 12 million pixels, made and then served again, and how the server answers meanwhile',
  run: (bench) =>
    withServer(bench, async (session) => {
      const { server } = session
      const [account] = await registerMany(session, 1)
      if (!account) throw new Error('nobody could be registered')
      const transfer = createTransfer(server.address)
      try {
        const photo = await makePhoto()
        const paths: string[] = []
        const made: string[] = []
        bench.progress('media-thumbnails: uploads')
        // Enough for a phase even where a thumbnail takes 30 ms.
        const photos = Math.max(3, Math.ceil((bench.options.seconds * 33) / SIZES.length))
        for (let n = 0; n < photos; n++) {
          // What follows the end of a picture changes its hash and nothing else.
          const bytes = Buffer.concat([photo, Buffer.from(`photo ${n}`)])
          const place = await transfer.uploadBytes(account.token, bytes, 'image/jpeg')
          paths.push(...SIZES.map((size) => `/_matrix/client/v1/media/thumbnail/${place}?${size}`))
        }
        const phase = async (from: readonly string[], isLast: (n: number) => boolean) => {
          const latencies: number[] = []
          const until = performance.now() + bench.options.seconds * 1000
          const start = performance.now()
          let next = 0
          await Promise.all(
            Array.from({ length: CLIENTS }, async () => {
              while (performance.now() < until && !isLast(next)) {
                const path = from[next++ % from.length] ?? ''
                const began = performance.now()
                await transfer.get(account.token, path)
                latencies.push(performance.now() - began)
                made.push(path)
              }
            }),
          )
          return { latencies, rate: (latencies.length * 1000) / (performance.now() - start) }
        }
        bench.progress('media-thumbnails: making')
        const cpu = cpuMs(server.pids)
        const probe = startProbe(server.address, PROBE_MS)
        const making = await phase(paths, (n) => n >= paths.length)
        const answers = await probe.stop()
        const used = (cpuMs(server.pids) - cpu) / making.latencies.length
        bench.progress('media-thumbnails: serving')
        const again = await phase([...new Set(made)], () => false)
        return [
          higher('made', 'thumbnails made', making.rate, 'thumbnails/s'),
          lower('made_cpu', 'server CPU of a thumbnail', used, 'ms'),
          lower('made_p99', 'a thumbnail that is made: p99', percentile(making.latencies, 0.99), 'ms'),
          lower('probe_p99', 'GET /versions meanwhile: p99', percentile(answers, 0.99), 'ms'),
          higher('served', 'thumbnails served that exist', again.rate, 'thumbnails/s'),
        ]
      } finally {
        transfer.close()
      }
    }),
}

/** A photo of the size that telephones take, with noise and shapes so that it has the weight of one. */
async function makePhoto(): Promise<Buffer> {
  const { default: sharp } = await import('sharp')
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 12 }
  return sharp({ create: { width: 4000, height: 3000, channels: 3, background: '#777', noise } })
    .jpeg({ quality: 80 })
    .toBuffer()
}
