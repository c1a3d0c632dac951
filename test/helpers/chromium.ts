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

/** A microphone that beeps and a camera that shows a clock, which may be used without asking. */
export const fakeDevices = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']

/** Starts it without a window; it ends with the test. */
export async function startChromium(
  t: { after(fn: () => Promise<void>): void },
  more: readonly string[] = [],
): Promise<Browser> {
  const args = [...more, '--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--disable-dev-shm-usage']
  const browser = await chromium.launch({ executablePath, args })
  t.after(() => browser.close())
  return browser
}
