/** What a page lets machines show of it: https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag */
export interface Permissions {
  readonly snippet: boolean
  readonly image: boolean
}

/** Reads the directives of `<meta name="robots">` and of the `X-Robots-Tag` header. */
export function readRobots(directives: readonly (string | undefined)[]): Permissions {
  const rules = directives
    .flatMap((text) => text?.toLowerCase().split(',') ?? [])
    // The header may name a robot first: `googlebot: noindex`.
    .map((rule) => rule.replace(/\s+/g, '').replace(/^[a-z-]*bot:/, ''))
  return {
    snippet: !rules.includes('nosnippet') && !rules.includes('max-snippet:0'),
    image: !rules.includes('noimageindex') && !rules.includes('max-image-preview:none'),
  }
}
