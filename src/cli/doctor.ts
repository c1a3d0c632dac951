import type { Finding } from '../admin/doctor/finding.ts'
import { ConfigError } from '../config/config-error.ts'
import type { Command } from './command.ts'

export const doctor: Command = {
  name: 'doctor',
  usage: '[--json]',
  summary: 'Look whether the server, its TURN servers, LiveKit and ffmpeg work, and say what is wrong.',
  details: [
    'Run it on the machine of the server while that runs. It asks for a real relay of each TURN server, and opens nothing',
    'that it does not close. The exit code is 1 where something is wrong. See also: ringback federation check.',
  ],
  options: { json: { type: 'boolean' } },
  async run({ configFile, options }, { stdout }) {
    const all: Finding[] = []
    const isJson = options.json === true
    for await (const finding of examine(configFile)) {
      all.push(finding)
      if (!isJson) stdout.write(`${finding.isFine ? 'ok   ' : 'WRONG'}  ${finding.text}\n`)
    }
    const isFine = all.every((finding) => finding.isFine)
    const findings = all.map(({ check, isFine: ok, text }) => ({ check, ok, text }))
    if (isJson) stdout.write(`${JSON.stringify({ ok: isFine, findings }, null, 2)}\n`)
    return isFine ? 0 : 1
  },
}

async function* examine(file: string | undefined): AsyncGenerator<Finding> {
  // Loaded when it is called, so that help and typos are answered at once.
  const { loadConfig } = await import('../config/load.ts')
  const { findingsOf } = await import('../admin/doctor/finding.ts')
  const { fine, bad } = findingsOf('config')
  let loaded: ReturnType<typeof loadConfig>
  try {
    loaded = loadConfig(file === undefined ? {} : { file })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) yield bad(problem)
    return
  }
  const { config, source, warnings } = loaded
  yield fine(`The configuration from ${source ?? 'the defaults and the environment'} can be read.`)
  for (const warning of warnings) yield fine(`Mind: ${warning}`)
  const { runChecks } = await import('./doctor-checks.ts')
  yield* runChecks(config)
}
