/** A real browser, where one is installed. */
import { accessSync, constants } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

export const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** A reason to skip a test, or false. */
export const chromiumMissing: string | false = isInstalled() ? false : `no Chromium at ${executablePath}`

function isInstalled(): boolean {
  try {
    accessSync(executablePath, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Starts it without a window; it ends with the test. */
export async function startChromium(t: { after(fn: () => Promise<void>): void }): Promise<Browser> {
  const args = ['--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--disable-dev-shm-usage']
  const browser = await chromium.launch({ executablePath, args })
  t.after(() => browser.close())
  return browser
}
