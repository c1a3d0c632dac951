/**
 * @typedef {'voice' | 'video'} Kind
 * @typedef {{ kind: Kind, blob: Blob, durationMs: number, levels: number[] }} Recording
 * @typedef {{ stream: MediaStream, close: () => void }} Source
 */

/** Something that a person can be told; what to do about it stands in the message. */
export class CaptureError extends Error {}

/** Forms that browsers record in, the best for whoever converts them first. @type {Record<Kind, string[]>} */
const formats = {
  voice: ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4', 'audio/webm', ''],
  video: ['video/webm;codecs=vp8,opus', 'video/mp4;codecs=avc1.42E01E,mp4a.40.2', 'video/webm', 'video/mp4', ''],
}
/** What the server takes where it cannot convert anything. */
const finished = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus']

/** @type {Record<Kind, MediaStreamConstraints>} */
const constraints = {
  voice: { audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true } },
  video: {
    audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    video: { facingMode: 'user', width: { ideal: 640 }, height: { ideal: 640 }, frameRate: { ideal: 30, max: 30 } },
  },
}

/**
 * The form to record in; undefined where this browser has none that the server can use.
 * @param {Kind} kind
 * @param {boolean} canConvert
 */
export function formatFor(kind, canConvert) {
  if (typeof MediaRecorder === 'undefined') return undefined
  const candidates = canConvert ? formats[kind] : kind === 'voice' ? finished : []
  return candidates.find((format) => format === '' || MediaRecorder.isTypeSupported(format))
}

/** Why nothing can be recorded here, whatever people do. @returns {string | undefined} */
export function whyNoRecording() {
  if (!window.isSecureContext) return 'Browsers only record on pages with https, and this server does not use it.'
  if (!navigator.mediaDevices?.getUserMedia || typeof MediaRecorder === 'undefined') {
    return 'This browser cannot record. Use a newer one, or another.'
  }
  return undefined
}

/** @param {Kind} kind */
export function whyNoFormat(kind) {
  return kind === 'video'
    ? 'This server cannot convert videos. Leave a voice note instead.'
    : 'This server cannot convert what this browser records. Try another, such as Firefox.'
}

/** Asks for the microphone, or for camera and microphone. @param {Kind} kind @returns {Promise<Source>} */
export async function openSource(kind) {
  try {
    const stream = await navigator.mediaDevices.getUserMedia(constraints[kind])
    return {
      stream,
      close: () => {
        for (const track of stream.getTracks()) track.stop()
      },
    }
  } catch (error) {
    throw new CaptureError(explain(kind, error instanceof DOMException ? error.name : ''))
  }
}

/** @param {Kind} kind @param {string} name */
function explain(kind, name) {
  const what = kind === 'voice' ? 'the microphone' : 'the camera and the microphone'
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return `This page may not use ${what}. Allow it in the settings of your browser, which are mostly beside the address, and try again.`
    case 'NotFoundError':
    case 'OverconstrainedError':
      return kind === 'voice'
        ? 'No microphone was found. Connect one and try again.'
        : 'No camera and microphone were found. Connect them and try again, or leave a voice note.'
    case 'NotReadableError':
    case 'AbortError':
      return `Another app uses ${what}. Close it and try again.`
    default:
      return `${what[0]?.toUpperCase()}${what.slice(1)} cannot be used here.`
  }
}

/** @param {MediaStream} stream @param {MediaRecorderOptions} options */
function openRecorder(stream, options) {
  try {
    return new MediaRecorder(stream, options)
  } catch {
    // Some say that they record in a form, and then do not.
    return new MediaRecorder(stream)
  }
}

/**
 * Records until it is stopped, or for as long as a note may be.
 * @param {Source} source
 * @param {{ kind: Kind, format: string, maxMs: number, onEnd: (recorded: { blob: Blob, durationMs: number }) => void, onError: (error: Error) => void }} options
 */
export function startRecording({ stream }, { kind, format, maxMs, onEnd, onError }) {
  /** @type {Blob[]} */
  const parts = []
  const recorder = openRecorder(stream, {
    ...(format !== '' && { mimeType: format }),
    audioBitsPerSecond: 48_000,
    ...(kind === 'video' && { videoBitsPerSecond: 1_500_000 }),
  })
  let startedAt = performance.now()
  let endedAt = 0
  let isBroken = false
  const elapsed = () => Math.min(maxMs, (endedAt || performance.now()) - startedAt)
  const stop = () => {
    if (recorder.state === 'inactive') return
    endedAt = performance.now()
    recorder.stop()
  }
  const timer = setTimeout(stop, maxMs)
  recorder.addEventListener('start', () => {
    startedAt = performance.now()
  })
  recorder.addEventListener('dataavailable', ({ data }) => {
    if (data.size > 0) parts.push(data)
    // Timers of pages in the background are late; these events are not.
    if (performance.now() - startedAt >= maxMs) stop()
  })
  recorder.addEventListener('error', () => {
    isBroken = true
    onError(new CaptureError('The recording broke off. Try again.'))
  })
  recorder.addEventListener('stop', () => {
    clearTimeout(timer)
    if (isBroken) return
    endedAt ||= performance.now()
    const blob = new Blob(parts, { type: recorder.mimeType || format })
    if (blob.size === 0) onError(new CaptureError('Nothing was recorded. Try again.'))
    else onEnd({ blob, durationMs: elapsed() })
  })
  // A microphone that is pulled out ends its track.
  for (const track of stream.getTracks()) track.addEventListener('ended', stop)
  recorder.start(250)
  return { stop, elapsed }
}
