/** How often the level is taken, in ms. */
const stepMs = 50
const barWidth = 3
const gap = 2

/**
 * Listens to a stream: how loud it is, over time.
 * @param {MediaStream} stream
 * @param {(levels: readonly number[]) => void} onLevels
 */
export function listen(stream, onLevels) {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 2048
  context.createMediaStreamSource(stream).connect(analyser)
  // Some browsers begin asleep.
  void context.resume()
  const samples = new Float32Array(analyser.fftSize)
  /** @type {number[]} */
  const levels = []
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    let peak = 0
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample))
    levels.push(Math.min(1, peak))
    onLevels(levels)
  }, stepMs)
  return {
    levels,
    close: () => {
      clearInterval(timer)
      void context.close()
    },
  }
}

/** A canvas for bars, as wide as its place. */
export function createBars() {
  const canvas = document.createElement('canvas')
  canvas.className = 'bars'
  canvas.setAttribute('aria-hidden', 'true')

  /** @returns {{ context: CanvasRenderingContext2D, width: number, height: number, count: number } | undefined} */
  function open() {
    const { clientWidth: width, clientHeight: height } = canvas
    const context = canvas.getContext('2d')
    if (!context || width === 0) return undefined
    const scale = window.devicePixelRatio || 1
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
    context.scale(scale, scale)
    return { context, width, height, count: Math.floor((width + gap) / (barWidth + gap)) }
  }

  /** @param {readonly number[]} levels @param {{ played?: number, isLive?: boolean }} options */
  function draw(levels, { played = 1, isLive = false } = {}) {
    const place = open()
    if (!place) return
    const { context, height, count } = place
    const style = getComputedStyle(canvas)
    const soft = style.getPropertyValue('--line')
    for (let bar = 0; bar < count; bar++) {
      const level = isLive ? (levels[levels.length - count + bar] ?? 0) : levelAt(levels, bar, count)
      // What is quiet is seen, too.
      const tall = Math.max(barWidth, Math.sqrt(level) * height)
      context.fillStyle = bar / count < played && (!isLive || levels.length - count + bar >= 0) ? style.color : soft
      context.beginPath()
      context.roundRect(bar * (barWidth + gap), (height - tall) / 2, barWidth, tall, barWidth / 2)
      context.fill()
    }
  }
  return { canvas, draw }
}

/** The loudest of those that share a bar. @param {readonly number[]} levels @param {number} bar @param {number} count */
function levelAt(levels, bar, count) {
  const from = Math.floor((bar * levels.length) / count)
  const to = Math.max(from + 1, Math.floor(((bar + 1) * levels.length) / count))
  return levels.slice(from, to).reduce((most, level) => Math.max(most, level), 0)
}

/** The levels of a recording that was made elsewhere. @param {Blob} blob @returns {Promise<{ levels: number[], durationMs: number } | undefined>} */
export async function levelsOf(blob) {
  const context = new AudioContext()
  try {
    const audio = await context.decodeAudioData(await blob.arrayBuffer())
    const samples = audio.getChannelData(0)
    const step = Math.max(1, Math.floor((audio.sampleRate * stepMs) / 1000))
    const levels = []
    for (let at = 0; at < samples.length; at += step) {
      levels.push(samples.subarray(at, at + step).reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0))
    }
    return { levels, durationMs: audio.duration * 1000 }
  } catch {
    return undefined
  } finally {
    void context.close()
  }
}
