import type { MediaApi } from '../page-api.ts'
import { client } from './client.ts'

const happens = (element: HTMLMediaElement, event: string) =>
  new Promise<void>((resolve, reject) => {
    element.addEventListener(event, () => resolve(), { once: true })
    element.addEventListener('error', () => reject(new Error(element.error?.message ?? 'it cannot be played')), {
      once: true,
    })
  })

export const media: MediaApi = {
  playMedia: async (mxc, tag) => {
    const address = client().mxcUrlToHttp(mxc, undefined, undefined, undefined, false, true, true) ?? ''
    const response = await fetch(address, { headers: { Authorization: `Bearer ${client().getAccessToken()}` } })
    if (!response.ok) throw new Error(`status ${response.status}`)
    const element = document.createElement(tag)
    element.muted = true
    element.src = URL.createObjectURL(await response.blob())
    document.body.append(element)
    await happens(element, 'loadedmetadata')
    await element.play()
    while (element.currentTime === 0) await happens(element, 'timeupdate')
    element.pause()
    const size = element instanceof HTMLVideoElement ? [element.videoWidth, element.videoHeight] : []
    return { duration: element.duration, position: element.currentTime, size }
  },
}
