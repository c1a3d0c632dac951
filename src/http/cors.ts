/** Set on every answer: https://spec.matrix.org/v1.19/client-server-api/#web-browser-clients */
export const corsHeaders = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS',
  'Access-Control-Allow-Headers':
    'X-Requested-With, Content-Type, Authorization, Date, If-Match, If-None-Match, Range, If-Range',
  'Access-Control-Expose-Headers':
    'ETag, Location, Retry-After, X-Request-Id, X-Max-Bytes, Content-Range, Content-Disposition',
} as const

/** The answer to a preflight request may be remembered for a day. */
export const preflightHeaders = { ...corsHeaders, 'Access-Control-Max-Age': '86400' } as const
