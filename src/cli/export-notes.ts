import { createWriteStream } from 'node:fs'
import { rename, unlink } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { type Command, UsageError } from './command.ts'

export const exportNotes: Command = {
  name: 'export notes',
  usage: '--out FILE [--user ID] [--room ID] [--since DATE] [--until DATE]',
  summary: 'Write notes, their recordings and transcripts into a zip file.',
  details: [
    'The server must not run; from one that runs, GET /_ringback/admin/v1/voicemail/export gives the same.',
    '--user: who sent or received them. --since, --until: 2026-11-01 or 2026-11-01T09:00Z; the end is not included.',
    'The file holds notes.jsonl, audit.jsonl, media/ and SHA256SUMS (check them with sha256sum -c).',
  ],
  options: {
    out: { type: 'string' },
    user: { type: 'string' },
    room: { type: 'string' },
    since: { type: 'string' },
    until: { type: 'string' },
  },
  async run({ options, configFile }, { stdout }) {
    const { out, user, room } = options
    if (typeof out !== 'string' || out === '') throw new UsageError('--out names the file to write.')
    const filter = {
      userId: typeof user === 'string' ? user : undefined,
      roomId: typeof room === 'string' ? room : undefined,
      fromTs: time('--since', options.since),
      toTs: time('--until', options.until),
    }
    // Loaded when it is called, so that help and typos are answered at once.
    const { loadConfig } = await import('../config/load.ts')
    const { createContext } = await import('../create-context.ts')
    const { createLog } = await import('../util/log.ts')
    const { config } = loadConfig(configFile === undefined ? {} : { file: configFile })
    const context = await createContext(config, { log: createLog({ ...config.log, level: 'warn' }) })
    const unfinished = `${out}.part`
    try {
      const archive = context.noteArchive.export(filter, new AbortController().signal)
      await pipeline(archive, createWriteStream(unfinished, { mode: 0o600 }))
      await rename(unfinished, out)
    } catch (error) {
      await unlink(unfinished).catch(() => {})
      throw error
    } finally {
      await context.close()
    }
    stdout.write(`${out} is written.\n`)
    return 0
  },
}

function time(option: string, value: string | boolean | undefined): number | undefined {
  if (typeof value !== 'string') return undefined
  const ms = Date.parse(value)
  if (Number.isNaN(ms)) throw new UsageError(`${option} must be a date such as 2026-11-01.`)
  return ms
}
