import type { Command } from './command.ts'
import { configCheck } from './config-check.ts'
import { doctor } from './doctor.ts'
import { exportNotes } from './export-notes.ts'
import { federationCheck } from './federation-check.ts'
import { federationRotateKey } from './federation-rotate-key.ts'
import { mediaMigrate } from './media-migrate.ts'
import { mediaSweep } from './media-sweep.ts'
import { tokenCreate } from './token-create.ts'
import { userCreate } from './user-create.ts'

const serve: Command = {
  name: 'serve',
  usage: '',
  summary: 'Run the server (npm start does the same).',
  async run({ configFile }, { stderr }) {
    // Loaded when it is called, so that help and typos are answered at once.
    const { serve } = await import('./serve.ts')
    return serve({ stderr, configFile })
  },
}

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  serve,
  configCheck,
  doctor,
  userCreate,
  tokenCreate,
  exportNotes,
  federationCheck,
  federationRotateKey,
  mediaMigrate,
  mediaSweep,
]
