import type { Kind, Received } from '../page-api.ts'

interface Report {
  readonly type?: string
  readonly kind?: string
  readonly packetsReceived?: number
  readonly framesDecoded?: number
}

/** Resolves once sound, and for video pictures, have come in over a connection. */
export async function received(kind: Kind, stats: () => Promise<Iterable<Report>>): Promise<Received> {
  for (;;) {
    const seen = { audioPackets: 0, videoFrames: 0 }
    for (const report of await stats()) {
      if (report.type !== 'inbound-rtp') continue
      if (report.kind === 'audio') seen.audioPackets += report.packetsReceived ?? 0
      else seen.videoFrames += report.framesDecoded ?? 0
    }
    if (seen.audioPackets > 10 && (kind === 'voice' || seen.videoFrames > 5)) return seen
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
