import { ApiError } from '../shared/api.js'

/** The server was not reached, or its answer was not: the recording is worth another try. */
export class UnreachedError extends Error {
  constructor() {
    super(
      navigator.onLine
        ? 'The server cannot be reached. Your recording is kept here: try again.'
        : 'You are offline. Your recording is kept here: send it once you are connected again.',
    )
  }
}

/**
 * Sends a recording. It goes without `fetch`, which does not tell how much has been sent.
 * @param {string} token
 * @param {{ kind: string, blob: Blob, caption: string }} recording
 * @param {(part: number) => void} onProgress from 0 to 1
 * @returns {Promise<{ event_id: string, room_id: string, duration_ms: number }>}
 */
export function sendRecording(token, { kind, blob, caption }, onProgress) {
  const query = new URLSearchParams({ kind, ...(caption !== '' && { caption }) })
  const request = new XMLHttpRequest()
  request.open('POST', `/_ringback/v1/recorder/${encodeURIComponent(token)}?${query}`)
  request.responseType = 'json'
  request.setRequestHeader('Content-Type', blob.type || 'application/octet-stream')
  return new Promise((resolve, reject) => {
    request.upload.addEventListener('progress', ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0))
    request.upload.addEventListener('load', () => onProgress(1))
    const fail = () => reject(new UnreachedError())
    for (const event of ['error', 'abort', 'timeout']) request.addEventListener(event, fail)
    request.addEventListener('load', () => {
      if (request.status === 200 && request.response) resolve(request.response)
      // Whatever stands in front of the server answers without JSON.
      else reject(new ApiError(request.status, request.response ?? {}))
    })
    request.send(blob)
  })
}
