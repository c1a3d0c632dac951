import { runCli } from './cli/run.ts'

// Database, keys and media are for this user's eyes only.
process.umask(0o077)

const { stdin, stdout, stderr } = process
const code = await runCli(process.argv.slice(2), { stdin, stdout, stderr })
// Exits by itself: connections that idle somewhere must not keep a finished command alive.
stdout.write('', () => process.exit(code))
