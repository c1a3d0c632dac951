import { createTransfer, type Transfer } from '../http/transfer.ts'
import type { Account } from '../matrix/accounts.ts'
import { registerMany, type Session, withServer } from '../matrix/session.ts'
import { freeBytes, readAgain, writeDurably } from '../measure/disk.ts'
import { cpuMs, rssMib } from '../measure/process.ts'
import { percentile } from '../measure/stats.ts'
import { type Bench, type Metric, metricsOf, type Scenario } from '../scenario.ts'

const { lower, higher, detail } = metricsOf('media')
const CROWD = 50
const WIDTHS = [1, 10]
/** Larger files are for few clients at a time: ten of 1 GB say nothing that two do not. */
const WIDE_BYTES = 100_000_000
const FEW_WIDTHS = [1, 2]
/** The disk must have room for so many of a file, or it is left out. */
const ROOM_FOR = 12
const SAMPLE_MS = 100
const LOAD_CLIENTS = 20
/** What is asked for while others load the server: a small file and a large one. */
const LOAD_BYTES = [1000, 1_000_000]

/** Uploads and downloads files of several sizes, and lets a crowd upload at once while memory is watched. */
export const media: Scenario = {
  name: 'media',
  what: 'uploads and downloads per second by size, beside the disk alone; memory while 50 clients upload at once',
  run: (bench) =>
    withServer(bench, async (session) => {
      const accounts = await registerMany(session, CROWD)
      const transfer = createTransfer(session.server.address)
      const metrics: Metric[] = []
      try {
        for (const bytes of bench.options.mediaBytes) {
          if (freeBytes(bench.folder) < ROOM_FOR * bytes) {
            bench.progress(`media: no room for files of ${sizeOf(bytes)}`)
            continue
          }
          const widths = bytes > WIDE_BYTES ? FEW_WIDTHS : WIDTHS
          for (const width of widths) metrics.push(...(await phase(bench, session, transfer, accounts, bytes, width)))
          const ms = bench.options.seconds * 500
          metrics.push(
            higher(
              `${bytes}.disk`,
              `${sizeOf(bytes)}: the disk alone, written`,
              writeDurably(bench.folder, bytes, ms),
              'files/s',
            ),
            higher(
              `${bytes}.disk_read`,
              `${sizeOf(bytes)}: the disk alone, read`,
              readAgain(bench.folder, bytes, ms),
              'files/s',
            ),
          )
        }
        metrics.push(...(await firstBytes(bench, transfer, accounts)))
        metrics.push(...(await crowd(bench, session, transfer, accounts, 'up')))
        metrics.push(...(await crowd(bench, session, transfer, accounts, 'down')))
      } finally {
        transfer.close()
      }
      return metrics
    }),
}

/** Uploads for the time of a phase, and then downloads what there is for as long. */
async function phase(
  bench: Bench,
  session: Session,
  transfer: Transfer,
  accounts: readonly Account[],
  bytes: number,
  width: number,
): Promise<Metric[]> {
  const label = `${sizeOf(bytes)}, ${width === 1 ? '1 client' : `${width} clients`}`
  bench.progress(`media: ${label}`)
  const clients = accounts.slice(0, width)
  const places: string[] = []
  const up = await repeat(bench, session, clients, async ({ token }) => {
    places.push(await transfer.upload(token, bytes))
  })
  const down = await repeat(bench, session, clients, async ({ token }, n) => {
    const got = await transfer.download(token, places[n % places.length] ?? '')
    if (got.bytes !== bytes) throw new Error(`${got.bytes} bytes came back instead of ${bytes}`)
  })
  const id = `${bytes}.${width}`
  return [
    higher(`${id}.up`, `${label}: uploads`, up.rate, 'files/s'),
    lower(`${id}.up_cpu`, `${label}: server CPU of an upload`, up.cpu, 'ms'),
    higher(`${id}.down`, `${label}: downloads`, down.rate, 'files/s'),
    lower(`${id}.down_cpu`, `${label}: server CPU of a download`, down.cpu, 'ms'),
    detail(`${id}.up_p99`, `${label}: upload p99`, percentile(up.latencies, 0.99), 'ms'),
    detail(`${id}.down_p99`, `${label}: download p99`, percentile(down.latencies, 0.99), 'ms'),
  ]
}

async function repeat(
  { options }: Bench,
  { server }: Session,
  clients: readonly Account[],
  work: (client: Account, n: number) => Promise<void>,
) {
  const latencies: number[] = []
  let n = 0
  const cpuBefore = cpuMs(server.pids)
  const start = performance.now()
  const until = start + options.seconds * 1000
  await Promise.all(
    clients.map(async (client) => {
      do {
        const began = performance.now()
        await work(client, n++)
        latencies.push(performance.now() - began)
      } while (performance.now() < until)
    }),
  )
  const seconds = (performance.now() - start) / 1000
  return { rate: latencies.length / seconds, cpu: (cpuMs(server.pids) - cpuBefore) / latencies.length, latencies }
}

/** How long the first byte of a file is waited for while others upload and download as fast as they can. */
async function firstBytes(bench: Bench, transfer: Transfer, accounts: readonly Account[]): Promise<Metric[]> {
  const [reader, ...others] = accounts
  if (!reader) return []
  bench.progress('media: first byte under load')
  const places = await Promise.all(LOAD_BYTES.map((bytes) => transfer.upload(reader.token, bytes)))
  const until = performance.now() + bench.options.seconds * 1000
  const samples: number[] = []
  const load = others.slice(0, LOAD_CLIENTS).map(async ({ token }, i) => {
    while (performance.now() < until) {
      if (i % 2) await transfer.upload(token, 1_000_000)
      else await transfer.download(token, places[1] ?? '')
    }
  })
  while (performance.now() < until) {
    for (const place of places) samples.push((await transfer.download(reader.token, place)).firstByteMs)
  }
  await Promise.all(load)
  const label = `first byte while ${LOAD_CLIENTS / 2} clients upload and ${LOAD_CLIENTS / 2} download 1 MB`
  return [
    lower('first_byte.p50', `${label}: p50`, percentile(samples, 0.5), 'ms'),
    lower('first_byte.p99', `${label}: p99`, percentile(samples, 0.99), 'ms'),
  ]
}

/** Everybody uploads a large file at the same time, or downloads one. */
async function crowd(
  bench: Bench,
  { server }: Session,
  transfer: Transfer,
  accounts: readonly Account[],
  direction: 'up' | 'down',
): Promise<Metric[]> {
  const bytes = bench.options.crowdBytes
  const id = direction === 'up' ? 'crowd' : 'crowd_down'
  const label = `${accounts.length} ${direction}loads of ${sizeOf(bytes)} at once`
  const [first] = accounts
  const place = first && direction === 'down' ? await transfer.upload(first.token, bytes) : ''
  bench.progress(`media: ${label}`)
  const before = rssMib(server.pids)
  let peak = before
  const sampling = setInterval(() => {
    peak = Math.max(peak, rssMib(server.pids))
  }, SAMPLE_MS)
  const watch = server.watchLoop?.()
  const start = performance.now()
  await Promise.all(
    accounts.map(async ({ token }) => {
      if (direction === 'up') await transfer.upload(token, bytes)
      else await transfer.download(token, place)
    }),
  )
  const seconds = (performance.now() - start) / 1000
  clearInterval(sampling)
  const loop = await watch?.stop()
  return [
    lower(`${id}.rss`, `${label}: RSS above before`, peak - before, 'MiB'),
    higher(`${id}.rate`, `${label}: throughput`, (accounts.length * bytes) / 1_000_000 / seconds, 'MB/s'),
    ...(loop ? [lower(`${id}.loop_max`, `${label}: event loop delay, longest`, loop.max, 'ms')] : []),
    ...(loop ? [lower(`${id}.loop_own`, `${label}: the most CPU without a break`, loop.ownMax, 'ms')] : []),
  ]
}

function sizeOf(bytes: number): string {
  if (bytes >= 1_000_000_000) return `${bytes / 1_000_000_000} GB`
  return bytes >= 1_000_000 ? `${bytes / 1_000_000} MB` : `${bytes / 1000} kB`
}
