import type { JsonObject } from './event.ts'

/** An answer to a request that cannot be fulfilled: https://spec.matrix.org/v1.19/client-server-api/#standard-error-response */
export class MatrixError extends Error {
  readonly status: number
  readonly errcode: string
  /** The whole response body. */
  readonly body: JsonObject

  constructor(status: number, errcode: string, message: string, extra: JsonObject = {}) {
    super(message)
    this.name = 'MatrixError'
    this.status = status
    this.errcode = errcode
    this.body = { errcode, error: message, ...extra }
  }

  /** What whoever asks this server is answered. */
  get answer(): { readonly status: number; readonly body: JsonObject } {
    return this
  }
}

type Factory = (message?: string) => MatrixError

function factory(status: number, errcode: string, message: string): Factory {
  return (text = message) => new MatrixError(status, errcode, text)
}

/** One factory for each error that we answer with; they return the error, the caller throws it. */
export const errors = {
  forbidden: factory(403, 'M_FORBIDDEN', 'You are not allowed to do that'),
  notFound: factory(404, 'M_NOT_FOUND', 'Not found'),
  badJson: factory(400, 'M_BAD_JSON', 'The JSON does not have the expected form'),
  notJson: factory(400, 'M_NOT_JSON', 'The body is not valid JSON'),
  invalidParam: factory(400, 'M_INVALID_PARAM', 'A parameter has a wrong value'),
  missingParam: factory(400, 'M_MISSING_PARAM', 'A required parameter is missing'),
  missingToken: factory(401, 'M_MISSING_TOKEN', 'An access token is needed'),
  /** With `softLogout` the client may log in again and keep its keys. */
  unknownToken: ({ softLogout = false }: { softLogout?: boolean } = {}, message = 'The access token is not known') =>
    new MatrixError(401, 'M_UNKNOWN_TOKEN', message, { soft_logout: softLogout }),
  /** Wrong or missing X-Matrix authentication of another server. */
  unauthorized: factory(401, 'M_UNAUTHORIZED', 'The request is not signed correctly'),
  limitExceeded: (retryAfterMs: number, message = 'Too many requests') =>
    new MatrixError(429, 'M_LIMIT_EXCEEDED', message, { retry_after_ms: Math.ceil(retryAfterMs) }),
  /** 404 for an endpoint that we do not know, 405 for a known one with another method. */
  unrecognized: (status: 404 | 405 = 404, message = 'Unrecognized request') =>
    new MatrixError(status, 'M_UNRECOGNIZED', message),
  unknown: (status = 500, message = 'Internal server error') => new MatrixError(status, 'M_UNKNOWN', message),
  /** A policy server refuses to recommend an event. */
  policyRefused: factory(400, 'M_FORBIDDEN', 'The event is not recommended'),
  tooLarge: factory(413, 'M_TOO_LARGE', 'The request is too large'),

  userInUse: factory(400, 'M_USER_IN_USE', 'This user id is taken'),
  invalidUsername: factory(400, 'M_INVALID_USERNAME', 'This user name is not valid'),
  exclusive: factory(400, 'M_EXCLUSIVE', 'This is reserved for an application service'),
  appserviceLoginUnsupported: factory(
    400,
    'M_APPSERVICE_LOGIN_UNSUPPORTED',
    'Application services cannot log in on this server',
  ),
  weakPassword: factory(400, 'M_WEAK_PASSWORD', 'The password is too weak'),
  userDeactivated: factory(403, 'M_USER_DEACTIVATED', 'This account has been deactivated'),
  userLocked: (message = 'This account has been locked') =>
    new MatrixError(401, 'M_USER_LOCKED', message, { soft_logout: true }),
  /** The code that clients know from Synapse. */
  expiredAccount: factory(403, 'ORG_MATRIX_EXPIRED_ACCOUNT', 'This account has expired and must be renewed'),
  userSuspended: factory(403, 'M_USER_SUSPENDED', 'This account has been suspended'),
  userLimitExceeded: (infoUri: string, message = 'A limit of your account has been reached') =>
    new MatrixError(403, 'M_USER_LIMIT_EXCEEDED', message, { info_uri: infoUri }),
  resourceLimitExceeded: (adminContact: string, message = 'A limit of this server has been reached') =>
    new MatrixError(403, 'M_RESOURCE_LIMIT_EXCEEDED', message, { admin_contact: adminContact }),
  guestAccessForbidden: factory(403, 'M_GUEST_ACCESS_FORBIDDEN', 'Guests are not allowed to do that'),
  captchaNeeded: factory(400, 'M_CAPTCHA_NEEDED', 'A captcha is needed'),
  captchaInvalid: factory(400, 'M_CAPTCHA_INVALID', 'The captcha was not solved'),
  termsNotSigned: factory(403, 'M_TERMS_NOT_SIGNED', 'The terms of service have not been accepted'),
  keyTooLarge: factory(400, 'M_KEY_TOO_LARGE', 'The profile key is longer than 255 bytes'),
  profileTooLarge: factory(400, 'M_PROFILE_TOO_LARGE', 'The profile would have more than 64 KiB'),

  threepidInUse: factory(400, 'M_THREEPID_IN_USE', 'This address belongs to another account'),
  threepidNotFound: factory(400, 'M_THREEPID_NOT_FOUND', 'No account has this address'),
  threepidAuthFailed: factory(401, 'M_THREEPID_AUTH_FAILED', 'The address could not be verified'),
  threepidDenied: factory(403, 'M_THREEPID_DENIED', 'This address is not allowed here'),
  threepidMediumNotSupported: factory(400, 'M_THREEPID_MEDIUM_NOT_SUPPORTED', 'This kind of address is not supported'),
  serverNotTrusted: factory(400, 'M_SERVER_NOT_TRUSTED', 'That server is not trusted here'),

  roomInUse: factory(400, 'M_ROOM_IN_USE', 'This room alias is taken'),
  invalidRoomState: factory(400, 'M_INVALID_ROOM_STATE', 'The initial state of the room is not valid'),
  badState: factory(400, 'M_BAD_STATE', 'The state change is not possible'),
  badAlias: factory(400, 'M_BAD_ALIAS', 'The alias does not point to this room'),
  unsupportedRoomVersion: factory(400, 'M_UNSUPPORTED_ROOM_VERSION', 'This server does not support that room version'),
  incompatibleRoomVersion: (
    roomVersion: string,
    message = 'The room has a version that your server does not support',
  ) => new MatrixError(400, 'M_INCOMPATIBLE_ROOM_VERSION', message, { room_version: roomVersion }),
  unableToAuthoriseJoin: factory(400, 'M_UNABLE_TO_AUTHORISE_JOIN', 'This server cannot tell whether you may join'),
  unableToGrantJoin: factory(400, 'M_UNABLE_TO_GRANT_JOIN', 'No user of this server may invite you'),
  inviteBlocked: factory(403, 'M_INVITE_BLOCKED', 'The user does not accept this invitation'),
  cannotLeaveServerNoticeRoom: factory(403, 'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM', 'You cannot leave this room'),
  duplicateAnnotation: factory(400, 'M_DUPLICATE_ANNOTATION', 'You have already sent that reaction'),
  /** What a remote server or application service answered with. */
  badStatus: (status: number, body: string, message = 'The remote server refused') =>
    new MatrixError(502, 'M_BAD_STATUS', message, { status, body }),

  unknownPos: factory(400, 'M_UNKNOWN_POS', 'The position is not known'),
  unknownDevice: factory(400, 'M_UNKNOWN_DEVICE', 'The device is not known'),
  invalidSignature: factory(400, 'M_INVALID_SIGNATURE', 'A signature is not valid'),
  wrongRoomKeysVersion: (currentVersion: string, message = 'This is not the current backup version') =>
    new MatrixError(403, 'M_WRONG_ROOM_KEYS_VERSION', message, { current_version: currentVersion }),

  notYetUploaded: factory(504, 'M_NOT_YET_UPLOADED', 'The content has not been uploaded yet'),
  remoteTooLarge: factory(502, 'M_TOO_LARGE', 'The remote content is too large'),
  cannotOverwriteMedia: factory(409, 'M_CANNOT_OVERWRITE_MEDIA', 'The content has already been uploaded'),
  connectionFailed: factory(502, 'M_CONNECTION_FAILED', 'The remote server could not be reached'),
  connectionTimeout: factory(504, 'M_CONNECTION_TIMEOUT', 'The remote server did not answer in time'),
  urlNotSet: factory(400, 'M_URL_NOT_SET', 'The application service has no address'),
} as const
