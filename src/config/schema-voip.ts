import { z } from 'zod'
import { duration, durationOrNever, httpUrl, secret, text } from './fields.ts'

const turn = z
  .strictObject({
    uris: z
      .array(z.string().regex(/^(stun|turn)s?:/, { error: 'must start with turn: or turns:' }))
      .default([])
      .describe('Addresses of TURN servers that share a secret, such as turn:turn.example.org?transport=udp.'),
    shared_secret: secret()
      .optional()
      .describe('The secret that the TURN server knows as static-auth-secret.')
      .meta({ example: 'the same as in turnserver.conf', secret: true }),
    ttl: duration().prefault('1d').describe('How long credentials for it are valid.'),
    guests: z.boolean().default(false).describe('Whether guests get credentials, too.'),
  })
  .prefault({})
  .describe('A TURN server such as coturn, which carries calls through firewalls.')

const livekitUrl = () =>
  text().regex(/^(wss?|https?):\/\//, { error: 'must be an address such as wss://livekit.example.org' })

const livekit = z
  .strictObject({
    url: livekitUrl()
      .optional()
      .describe('What clients dial. Default: this server, which passes it on to internal_url.')
      .meta({ example: 'wss://livekit.example.org' }),
    internal_url: httpUrl()
      .optional()
      .describe('What this server dials. Default: the same.')
      .meta({ example: 'http://127.0.0.1:7880' }),
    api_key: text().describe('The name of a key in the configuration of LiveKit.').meta({ example: 'ringback' }),
    api_secret: secret().describe('The secret of that key.').meta({ example: 'a long random string', secret: true }),
    leave_after: durationOrNever()
      .prefault('30s')
      .describe(
        'How long after LiveKit has lost somebody of this server their app may still be back, before the room is told that they left the call; never: it is not told.',
      ),
  })
  .optional()
  .describe('A LiveKit server for group calls. Without it there are no group calls.')

const calls = z
  .strictObject({
    local_grace: duration().prefault('3s').describe('How long to wait for an answer on its way from a person here.'),
    remote_grace: duration().prefault('10s').describe('How long to wait for an answer on its way from another server.'),
    cancel_after: duration()
      .prefault('5s')
      .describe('A caller who hangs up earlier has cancelled the call; later the call was missed.'),
    rejoin_window: duration().prefault('10s').describe('A participant who is back within this time has not left.'),
    close_slack: duration().prefault('15s').describe('How long past its ringing time a call may still be answered.'),
    answer_min: duration().prefault('2s').describe('How long somebody must be in a call for it to be answered.'),
    keep: duration().prefault('365d').describe('How long calls stand in the logs of people.'),
  })
  .prefault({})
  .describe('How the outcome of a call is told.')

const delayedEvents = z
  .strictObject({
    max_delay: duration().prefault('24h').describe('The longest delay that a client may ask for.'),
    max_scheduled: z.int().min(0).default(100).describe('How many delayed events somebody may have waiting; 0: none.'),
  })
  .prefault({})
  .describe('Events that clients have sent later, unless they say otherwise: how a call learns that somebody is gone.')

export const voip = z
  .strictObject({ turn, livekit, calls, delayed_events: delayedEvents })
  .prefault({})
  .describe('Calls.')
