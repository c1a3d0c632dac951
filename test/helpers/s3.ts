/** A real object storage: moto's server, in a process of its own, behind a gateway that fails on demand. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { CreateBucketCommand, ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import type { S3Options } from '../../src/media/s3/options.ts'

const program = fileURLToPath(new URL('../../.cache/moto/bin/moto_server', import.meta.url))

/** Why there is no object storage here, or false: for the `skip` option of a test. */
export const s3Missing: string | false = existsSync(program)
  ? false
  : 'there is no object storage: python3 -m venv .cache/moto && .cache/moto/bin/pip install "moto[s3,server]"'

/** What the gateway does with a request: an S3 error, silence, or a body that ends early. Undefined: it passes it on. */
export type Fault = { status: number; code: string } | 'hang' | { cutAfter: number } | undefined

export interface ObjectStorage extends AsyncDisposable {
  /** The gateway's. */
  readonly endpoint: string
  readonly client: S3Client
  fault: (request: { method: string; url: string }) => Fault
  /** Requests as `METHOD path`, in the order of their arrival. */
  readonly seen: string[]
  /** How many requests are under way. */
  readonly open: number
  makeBucket(name: string): Promise<void>
  /** Names of all objects. */
  keys(bucket: string): Promise<string[]>
  unfinishedUploads(bucket: string): Promise<number>
  options(bucket: string, others?: Partial<S3Options>): S3Options
  /** `media.storage` for a server. */
  config(bucket: string, others?: Record<string, unknown>): Record<string, unknown>
}

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }

export async function startObjectStorage(): Promise<ObjectStorage> {
  const moto = await startMoto()
  const seen: string[] = []
  let open = 0
  const gateway = createServer((incoming, outgoing) => {
    const { method = '', url = '' } = incoming
    seen.push(`${method} ${url}`)
    open++
    outgoing.once('close', () => open--)
    answer(storage.fault({ method, url }), moto.port, incoming, outgoing)
  })
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${moto.port}`,
    region: 'us-east-1',
    credentials,
    forcePathStyle: true,
  })
  const storage: ObjectStorage = {
    endpoint,
    client,
    fault: () => undefined,
    seen,
    get open() {
      return open
    },
    makeBucket: async (Bucket) => void (await client.send(new CreateBucketCommand({ Bucket }))),
    keys: async (Bucket) => {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }))
      return Contents.map(({ Key = '' }) => Key).sort()
    },
    unfinishedUploads: async (Bucket) =>
      (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.length ?? 0,
    options: (bucket, others) => ({
      endpoint,
      region: 'us-east-1',
      bucket,
      prefix: '',
      credentials,
      forcePathStyle: true,
      storageClass: undefined,
      timeoutMs: 10_000,
      links: undefined,
      ...others,
    }),
    config: (bucket, others) => ({
      kind: 's3',
      endpoint,
      bucket,
      access_key_id: credentials.accessKeyId,
      secret_access_key: credentials.secretAccessKey,
      ...others,
    }),
    [Symbol.asyncDispose]: async () => {
      client.destroy()
      gateway.closeAllConnections()
      await new Promise((resolve) => gateway.close(resolve))
      await moto.stop()
    },
  }
  return storage
}

async function startMoto(): Promise<{ port: number; stop(): Promise<void> }> {
  const child = spawn(program, ['-H', '127.0.0.1', '-p', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  // Whatever ends this process must not leave the storage behind.
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const port = await new Promise<number>((resolve, reject) => {
    let printed = ''
    child.stderr.on('data', (chunk) => {
      printed += chunk
      const match = /Running on http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)
      if (match) resolve(Number(match[1]))
    })
    child.once('exit', () => reject(new Error(`moto_server ended:\n${printed}`)))
  })
  return {
    port,
    stop: () => {
      process.off('exit', kill)
      kill()
      return ended
    },
  }
}

function answer(fault: Fault, port: number, incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (fault === 'hang') return void incoming.resume()
  if (fault && 'status' in fault) {
    incoming.resume()
    incoming.on('end', () => {
      const body = `<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>made up</Message></Error>`
      outgoing.writeHead(fault.status, { 'Content-Type': 'application/xml' })
      outgoing.end(incoming.method === 'HEAD' ? undefined : body)
    })
    return
  }
  const { method, url: path, headers } = incoming
  const passed = sendRequest({ host: '127.0.0.1', port, method, path, headers }, (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers)
    if (!fault) return void response.pipe(outgoing)
    let left = fault.cutAfter
    response.on('data', (chunk: Buffer) => {
      outgoing.write(chunk.subarray(0, left), () => left <= 0 && outgoing.destroy())
      left -= Math.min(left, chunk.length)
    })
  })
  passed.on('error', () => outgoing.destroy())
  outgoing.on('close', () => passed.destroy())
  incoming.on('error', () => passed.destroy())
  incoming.pipe(passed)
}
