import { type Command, UsageError } from './command.ts'

export const mediaSweep: Command = {
  name: 'media sweep',
  usage: '--dry-run [--json] [--limit N]',
  summary: 'Tell which media would be deleted now, and why.',
  details: [
    'Nothing is changed. It may be asked beside a server that runs.',
    '--json: print JSON. --limit: how many files are named; default 100. The totals count all.',
  ],
  options: { 'dry-run': { type: 'boolean' }, json: { type: 'boolean' }, limit: { type: 'string' } },
  async run({ options, configFile }, { stdout }) {
    if (options['dry-run'] !== true) {
      throw new UsageError('Only --dry-run is known: the server itself deletes what is due.')
    }
    const limit = Number(options.limit ?? 100)
    if (!Number.isInteger(limit) || limit < 1) throw new UsageError('--limit must be a whole number of at least 1.')
    // Loaded when it is called, so that help and typos are answered at once.
    const { withMedia } = await import('./with-media.ts')
    const { entries, sums } = await withMedia(configFile, (media) => media.due(limit))
    if (options.json === true) {
      stdout.write(`${JSON.stringify({ media: entries, totals: sums })}\n`)
      return 0
    }
    for (const { mxc, kind, reason, size } of entries) {
      stdout.write(`${kind.padEnd(10)}${String(size).padStart(12)}  ${reason.padEnd(16)}${mxc ?? ''}\n`)
    }
    for (const { kind, reason, files, bytes } of sums) {
      stdout.write(`${kind}, ${reason}: ${files} files, ${bytes} bytes\n`)
    }
    if (sums.length === 0) stdout.write('Nothing is due.\n')
    return 0
  },
}
