import { createRequire, Module } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * matrix-appservice-bridge as it is, without the native cryptography of the bot SDK that it brings, which npm only
 * downloads by a script of the package: the library asks for it as soon as it is loaded, and needs it for encrypted rooms alone.
 */
export function loadBridgeSdk(): typeof import('matrix-appservice-bridge') {
  const bridge = createRequire(require.resolve('matrix-appservice-bridge'))
  const path = createRequire(bridge.resolve('@vector-im/matrix-bot-sdk')).resolve(
    '@matrix-org/matrix-sdk-crypto-nodejs',
  )
  const absent = new Module(path)
  absent.exports = { StoreType: {} }
  absent.loaded = true
  require.cache[path] ??= absent
  return require('matrix-appservice-bridge')
}
