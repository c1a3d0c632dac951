// Only the version check may run before the imports: a native module of ours crashes an old Node without a word.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`Ringback needs Node 22.18 or newer, and this is Node ${process.versions.node}.\n`)
  process.exit(1)
}

// Database, keys and media are for this user's eyes only.
process.umask(0o077)

// Without types to strip and code to compile the next start takes half as long.
const { enableCompileCache } = await import('node:module')
const { fileURLToPath } = await import('node:url')
enableCompileCache(fileURLToPath(new URL('../.cache/compiled', import.meta.url)))

const { serve } = await import('./cli/serve.ts')
process.exit(await serve({ stderr: process.stderr }))

export {}
