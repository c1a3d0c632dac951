/** Pages in which matrix-js-sdk runs as in a web client, bundled for the browser, and what tests ask of them. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { executablePath } from '../helpers/chromium.ts'
import type { TestUser } from '../helpers/server.ts'
import { startWebServer } from '../helpers/web-server.ts'
import { elementCallFile } from './element-call-files.ts'
import type { PageApi } from './page-api.ts'

/** Cameras and microphones are made up, permission is given, and calls may go over the loopback interface. */
const args = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--autoplay-policy=no-user-gesture-required',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
]

export interface ClientPage {
  readonly user: TestUser
  readonly page: Page
  readonly context: BrowserContext
  /** What went wrong in the page and what it complained of. */
  readonly faults: string[]
  /** Calls a function of the page; what it throws is thrown here. */
  call<K extends keyof PageApi>(name: K, ...args: Parameters<PageApi[K]>): Promise<Awaited<ReturnType<PageApi[K]>>>
}

export interface CallBrowser extends AsyncDisposable {
  readonly browser: Browser
  /** A client of its own profile, logged in and in sync. */
  open(user: TestUser): Promise<ClientPage>
  /** Ends it as a crash does: no page hears of it. */
  kill(): Promise<void>
}

let bundled: Promise<string> | undefined

async function bundle(): Promise<string> {
  const entry = fileURLToPath(import.meta.resolve('./page/main.ts'))
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'chrome120',
    define: { global: 'globalThis' },
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

/** `voice`: the WAV that its microphone hears over and over, instead of beeps. */
export async function startCallBrowser({ voice }: { voice?: string } = {}): Promise<CallBrowser> {
  bundled ??= bundle()
  const own = voice === undefined ? [] : [`--use-file-for-fake-audio-capture=${voice}`]
  const launched = chromium.launchServer({ executablePath, args: [...args, ...own] })
  const [script, site, process] = await Promise.all([bundled, startWebServer(), launched])
  const browser = await chromium.connect(process.wsEndpoint())
  site.pages.set(
    '/',
    '<!doctype html><meta charset="utf-8"><title>client</title><script type="module" src="/client.js"></script>',
  )
  site.pages.set('/client.js', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/javascript' }).end(script)
  })
  site.otherwise = (path) => elementCallFile(path)
  return {
    browser,
    open: async (user) => {
      const context = await browser.newContext()
      const page = await context.newPage()
      const faults: string[] = []
      page.on('pageerror', (error) => faults.push(error.message))
      await page.goto(site.url)
      await page.waitForFunction('globalThis.api')
      const call: ClientPage['call'] = (name, ...rest) => {
        const question: [string, unknown[]] = [name, rest]
        return page.evaluate(([name, rest]) => Reflect.get(Reflect.get(globalThis, 'api'), name)(...rest), question)
      }
      const { baseUrl, userId, deviceId, accessToken } = user
      await call('start', { baseUrl, userId, deviceId, accessToken })
      return { user, page, context, faults, call }
    },
    kill: () => process.kill(),
    [Symbol.asyncDispose]: async () => {
      await browser.close()
      await process.close()
      await site.stop()
    },
  }
}
