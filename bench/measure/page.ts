import { existsSync } from 'node:fs'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

export interface PageFigures {
  /** Until something is seen, in ms; NaN without a browser. */
  readonly paintMs: number
  /** Of all its scripts, as they are run. */
  readonly scriptBytes: number
}

/** Opens a page in a browser that has just been started and knows nothing of it. */
export async function measurePage(url: string): Promise<PageFigures> {
  if (!existsSync(executablePath)) return { paintMs: Number.NaN, scriptBytes: Number.NaN }
  const { chromium } = await import('playwright-core')
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  try {
    const page = await browser.newPage()
    const sizes: Promise<number>[] = []
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script') sizes.push(response.body().then(({ length }) => length))
    })
    await page.goto(url, { waitUntil: 'load' })
    await page.getByRole('button').first().waitFor()
    const paintMs = await page.evaluate<number>(
      "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN",
    )
    return { paintMs, scriptBytes: (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) }
  } finally {
    await browser.close()
  }
}
