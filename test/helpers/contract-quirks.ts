/** Places where the specification's data asks for what its text, or every client and server, does not. */
export interface Quirk {
  /** `METHOD template` of the operation, or `*`. */
  readonly operation: string
  /** Matches the fault as `checkResponse` words it. */
  readonly fault: RegExp
  readonly reason: string
}

export const quirks: readonly Quirk[] = [
  {
    operation: 'POST /_matrix/client/v3/keys/device_signing/upload',
    fault: /^an error without errcode$/,
    reason: 'the text asks for user-interactive authentication, the data declares no 401',
  },
  {
    operation: 'GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
    fault: /^\/ must match exactly one schema in oneOf$/,
    reason: 'the answer is either a content or an event, and every event is an object too',
  },
  {
    operation: 'GET /_matrix/client/v3/voip/turnServer',
    fault: /^\/ must have required property '(username|password|uris|ttl)'$/,
    reason:
      'the data has no answer for a server without TURN; clients take an empty object for that, an error for a fault',
  },
  ...[
    'PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}',
    'PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
  ].map((operation) => ({
    operation,
    fault: /^\/ must have required property 'event_id'$/,
    reason: 'an event that is sent later (MSC4140) has no id yet',
  })),
  ...['v1', 'v2'].map((version) => ({
    operation: `PUT /_matrix/federation/${version}/invite/{roomId}/{eventId}`,
    fault: /^\/(1\/)?event must have required property 'origin'$|^\/1 must/,
    reason: 'the event has to stay as the other server wrote it, and since long events carry no origin',
  })),
]
