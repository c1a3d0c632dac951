import { readFileSync } from 'node:fs'
import type { Config, ListenerConfig } from './config/schema.ts'
import type { AppContext } from './context.ts'
import { type ContextOptions, createContext } from './create-context.ts'
import { createApp } from './http/app.ts'
import { type Listener, listen } from './http/listen.ts'
import { surfaceOf } from './http/paths.ts'
import { createUpgrades } from './http/upgrade.ts'
import { endpoints } from './routes.ts'
import { upgrades } from './upgrades.ts'
import { StartupError } from './util/part.ts'

export interface Server {
  readonly context: AppContext
  /** Starts the parts and then the listeners; resolves when requests are answered. */
  start(): Promise<void>
  /** The addresses that are listened on, in the order of the configuration; empty before `start`. */
  readonly urls: readonly string[]
  /** Reads registration files and certificates again; connections that exist keep theirs. What is wrong changes nothing. */
  reload(): Promise<void>
  /** Lets requests finish, stops the parts in reverse order and closes the database. */
  stop(): Promise<void>
}

/** Composes a server. Nothing runs before `start`. */
export async function createServer(config: Config, options: ContextOptions = {}): Promise<Server> {
  const context = await createContext(config, options)
  const listeners: Listener[] = []
  const started: AppContext['parts'][number][] = []
  const stopping = new AbortController()

  async function stop(): Promise<void> {
    stopping.abort()
    await Promise.all(listeners.map((listener) => listener.stop()))
    for (const part of started.reverse()) await part.stop()
    await context.close()
  }

  return {
    context,
    get urls() {
      return listeners.map(({ url }) => url)
    },
    start: async () => {
      try {
        for (const part of context.parts) {
          await part.start(stopping.signal)
          started.push(part)
        }
        const routes = endpoints(context).filter(
          (route) => config.federation.enabled || (route.surface ?? surfaceOf(route.path)) !== 'federation',
        )
        for (const listener of config.listeners) listeners.push(await open(context, listener, routes))
        await inviteFirstPerson(context)
      } catch (error) {
        await stop()
        throw error
      }
    },
    reload: async () => {
      await context.reloadAppservices()
      for (const [i, { tls }] of config.listeners.entries()) if (tls) listeners[i]?.reloadTls(readTls(tls))
    },
    stop,
  }
}

/** As long as nobody has an account, the log shows a link with which the first person makes one. */
async function inviteFirstPerson({ accounts, config, log }: AppContext): Promise<void> {
  const token = await accounts.setup.open()
  if (token === undefined) return
  log.info(`Welcome! Make the first account, which administers this server, at ${config.public_url}/setup/${token}`)
}

async function open(
  context: AppContext,
  { host, port, tls, serves, trusted_proxies: trustedProxies }: ListenerConfig,
  routes: ReturnType<typeof endpoints>,
): Promise<Listener> {
  const app = createApp({
    endpoints: routes,
    authenticate: context.accounts.authenticate,
    servers: context.federation.authentication,
    limiter: context.limiter,
    isUnlimited: (token) => context.accounts.appservices.byToken(token) !== undefined,
    log: context.log,
    clock: context.clock,
    serves,
    trustedProxies,
  })
  const sockets = createUpgrades({ ...context, upgrades: upgrades(context), serves, trustedProxies })
  return listen({ host, port, app, upgrades: sockets, ...(tls && { tls: readTls(tls) }) })
}

function readTls(tls: NonNullable<ListenerConfig['tls']>) {
  try {
    return { cert: readFileSync(tls.cert_file), key: readFileSync(tls.key_file) }
  } catch (error) {
    throw new StartupError(`A certificate cannot be read: ${error instanceof Error ? error.message : error}`)
  }
}
