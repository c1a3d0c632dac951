import { parseArgs } from 'node:util'
import { FULL, type Options, QUICK } from './options.ts'
import { ringbackLauncher } from './servers/ringback.ts'
import { runningLauncher } from './servers/running.ts'
import type { Launcher } from './servers/server.ts'
import { synapseLauncher } from './servers/synapse.ts'

/** What `npm run bench -- --help` prints. */
export const USAGE = `npm run bench -- [options] [scenario ...]

Which servers (default: a fresh Ringback from this checkout)
  --baseline synapse      also measure Synapse from PyPI, alternating with the others
  --target URL            measure a server that runs already, at a loopback address
    --name NAME             its name in the tables
    --pid PID[,PID]         its processes, for CPU and memory
    --data-dir FOLDER       its data, for bytes on disk
    --shared-secret SECRET  its registration secret, when registration is closed
  --only-baseline         leave Ringback out

How much (default: the figures of RESULTS.md)
  --quick                 a short look
  --seconds N             length of a measured phase
  --rounds N              repeat everything, alternating, and report medians (default 1)
  --polls A,B --rooms A,B --rates A,B --senders A,B   sizes of the scenarios
  --media-bytes A,B --crowd-bytes N   sizes of files; needs room on the disk for twelve of the largest
  --media-rows N          rows of media that a sweep looks through
  --join-state N --whole-joins --inbound-events N --fan-out N --conflicts N   federation
  --disk-messages N --search-messages N --history-messages N --setup-seconds N --room-version V
  --max-minutes N         stop after that (default 60)

What is left behind
  --save NAME             write bench/results/NAME.json
  --profile FOLDER        write V8 CPU profiles of Ringback (see bench/profile.ts)
  --json                  print the JSON after the table
`

/** What one run measures. */
export interface Arguments {
  launchers: Launcher[]
  options: Options
  scenarios: string[]
  rounds: number
  maxMinutes: number
  save: string | undefined
  json: boolean
  help: boolean
}

/** Reads the command line; throws with a sentence about what is wrong. */
export function readArguments(argv: readonly string[]): Arguments {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      help: flag,
      quick: flag,
      json: flag,
      'only-baseline': flag,
      baseline: text,
      target: text,
      name: text,
      pid: text,
      'data-dir': text,
      'shared-secret': text,
      seconds: text,
      rounds: text,
      polls: text,
      rooms: text,
      rates: text,
      senders: text,
      'media-bytes': text,
      'crowd-bytes': text,
      'media-rows': text,
      'disk-messages': text,
      'search-messages': text,
      'history-messages': text,
      'join-state': text,
      'whole-joins': flag,
      'inbound-events': text,
      'fan-out': text,
      conflicts: text,
      'setup-seconds': text,
      'room-version': text,
      'max-minutes': text,
      save: text,
      profile: text,
    },
  })
  const launchers: Launcher[] = []
  if (values.target !== undefined) {
    const pids = values.pid === undefined ? [] : numbers('pid', values.pid)
    const { name = 'target', 'data-dir': dataDir, 'shared-secret': sharedSecret } = values
    launchers.push(runningLauncher({ name, url: values.target, pids, dataDir, sharedSecret }))
  } else if (!values['only-baseline']) {
    launchers.push(ringbackLauncher(values.profile))
  }
  if (values.baseline === 'synapse') launchers.push(synapseLauncher())
  else if (values.baseline !== undefined) throw new Error(`--baseline ${values.baseline}: only synapse is known`)
  if (launchers.length === 0) throw new Error('--only-baseline needs --baseline')
  if (values.save !== undefined && !/^[\w.-]+$/.test(values.save)) throw new Error('--save takes a plain name')
  const base = values.quick ? QUICK : FULL
  const one = (key: keyof typeof values, fallback: number) => {
    const value = values[key]
    return typeof value === 'string' ? (numbers(key, value)[0] ?? fallback) : fallback
  }
  const several = (key: keyof typeof values, fallback: readonly number[]) => {
    const value = values[key]
    return typeof value === 'string' ? numbers(key, value) : fallback
  }
  return {
    launchers,
    options: {
      ...base,
      seconds: one('seconds', base.seconds),
      senders: several('senders', base.senders),
      rates: several('rates', base.rates),
      polls: several('polls', base.polls),
      rooms: several('rooms', base.rooms),
      mediaBytes: several('media-bytes', base.mediaBytes),
      crowdBytes: one('crowd-bytes', base.crowdBytes),
      mediaRows: one('media-rows', base.mediaRows),
      diskMessages: one('disk-messages', base.diskMessages),
      searchMessages: one('search-messages', base.searchMessages),
      historyMessages: one('history-messages', base.historyMessages),
      joinState: one('join-state', base.joinState),
      omitMembers: !values['whole-joins'],
      inboundEvents: one('inbound-events', base.inboundEvents),
      fanOut: one('fan-out', base.fanOut),
      conflicts: one('conflicts', base.conflicts),
      setupSeconds: one('setup-seconds', base.setupSeconds),
      roomVersion: values['room-version'],
    },
    scenarios: positionals,
    rounds: one('rounds', 1),
    maxMinutes: one('max-minutes', 60),
    save: values.save,
    json: values.json,
    help: values.help,
  }
}

function numbers(key: string, text: string): number[] {
  const list = text.split(',').map(Number)
  if (list.some((value) => !Number.isFinite(value) || value <= 0))
    throw new Error(`--${key} ${text}: positive numbers, please`)
  return list
}
