import type { MigrationOutcome, Progress } from '../media/migration.ts'
import type { StorageKind } from '../media/storage.ts'
import { type Command, UsageError } from './command.ts'

export const mediaMigrate: Command = {
  name: 'media migrate',
  usage: '--to s3|files [--dry-run] [--skip-damaged]',
  summary: 'Move all media between files under data_dir and the object storage of media.storage.',
  details: [
    'Everything is copied and compared first, then the database is told, and then it is deleted where it was.',
    'Beside a server that runs it only copies: stop the server, run it again for the rest, and set media.storage.kind.',
    'Whenever it is interrupted, the server works as before, and the next run goes on.',
    '--dry-run: only say what would be copied. --skip-damaged: leave files behind that are missing or damaged.',
  ],
  options: { to: { type: 'string' }, 'dry-run': { type: 'boolean' }, 'skip-damaged': { type: 'boolean' } },
  async run({ options, configFile }, { stdout, stderr }) {
    const { to } = options
    if (to !== 's3' && to !== 'files') throw new UsageError('--to must be s3 or files.')
    // Loaded when it is called, so that help and typos are answered at once.
    const { withMigration } = await import('./with-migration.ts')
    const outcome = await withMigration(configFile, {
      to,
      dryRun: options['dry-run'] === true,
      skipDamaged: options['skip-damaged'] === true,
      progress: (progress) => stderr.write(`${describe(progress)}\n`),
      complain: (text) => stderr.write(`${text}\n`),
    })
    stdout.write(`${sentence(outcome, to)}\n`)
    return outcome.end === 'done' || outcome.end === 'counted' ? 0 : 1
  },
}

function describe({ checked, total, copied, copiedBytes }: Progress): string {
  return `${checked} of ${total} files, ${copied} copied (${megabytes(copiedBytes)})`
}

const megabytes = (bytes: number) => `${(bytes / 1_000_000).toFixed(1)} MB`

function sentence(outcome: MigrationOutcome, to: StorageKind): string {
  const { end, copied, copiedBytes, damaged } = outcome
  switch (end) {
    case 'counted':
      return `${copied} files (${megabytes(copiedBytes)}) would be copied to ${to}.`
    case 'damaged':
      return `${damaged} files are missing or damaged, so that nothing was changed; --skip-damaged leaves them behind.`
    case 'busy':
      return 'Everything is copied. Stop the server and run this again for the rest, which is quick.'
    case 'done':
      return `The media are in ${to} now; set media.storage.kind to "${to}" before you start the server.`
  }
}
