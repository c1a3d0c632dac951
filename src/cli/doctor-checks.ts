import { checkLivekit } from '../admin/doctor/check-livekit.ts'
import { checkPublicUrl } from '../admin/doctor/check-public-url.ts'
import { checkTurn } from '../admin/doctor/check-turn.ts'
import { type Finding, findingsOf } from '../admin/doctor/finding.ts'
import { findProgram } from '../config/find-program.ts'
import type { Config } from '../config/schema.ts'
import { makeUserId } from '../matrix/ids.ts'
import { systemClock as clock } from '../util/clock.ts'
import { createSafeFetch } from '../util/safe-fetch.ts'
import { sfuPath } from '../voip/livekit/sfu/sfu-proxy.ts'
import { createTurn } from '../voip/turn.ts'

/** Everything that can be looked at from outside while the server runs. */
export async function* runChecks(config: Config): AsyncGenerator<Finding> {
  const { public_url: publicUrl, server_name: serverName } = config
  const { turn, livekit } = config.voip
  // The configuration chose whom this reaches.
  const fetch = createSafeFetch({ allowPrivateAddresses: true, userAgent: 'Ringback doctor' })
  try {
    yield* checkPublicUrl({ fetch, publicUrl, serverName, hasLivekit: livekit !== undefined })
    yield* checkTurn(createTurn(clock, turn), makeUserId('doctor', serverName))
    if (livekit === undefined) {
      yield findingsOf('livekit').fine('There is no LiveKit server (voip.livekit), and so there are no group calls.')
    } else {
      const url = livekit.url ?? publicUrl.replace(/^http/, 'ws') + sfuPath
      yield* checkLivekit({ fetch, clock, settings: livekit, url })
    }
    yield checkFfmpeg()
  } finally {
    fetch.close()
  }
}

function checkFfmpeg(): Finding {
  const { fine, bad } = findingsOf('ffmpeg')
  const missing = ['ffmpeg', 'ffprobe'].filter((name) => findProgram(name) === undefined)
  if (missing.length === 0) return fine('ffmpeg and ffprobe are installed.')
  return bad(
    `${missing.join(' and ')} cannot be found: without ffmpeg there are no video thumbnails and no voice or video notes.`,
  )
}
