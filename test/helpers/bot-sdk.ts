import { createRequire, Module } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * matrix-bot-sdk without its native cryptography, which npm only downloads by a script of the package: the library
 * asks for it as soon as it is loaded, and needs it for encrypted rooms alone.
 */
export function loadBotSdk(): typeof import('matrix-bot-sdk') {
  const path = createRequire(require.resolve('matrix-bot-sdk')).resolve('@matrix-org/matrix-sdk-crypto-nodejs')
  const absent = new Module(path)
  absent.exports = { StoreType: {} }
  absent.loaded = true
  require.cache[path] ??= absent
  return require('matrix-bot-sdk')
}
