/** Spaces of all kinds, control characters, and those that turn the direction of what follows. */
const breaks = /[\s\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

/** Text that others wrote, for a place that has one line for it: at most `limit` characters, the last one then `…`. */
export function oneLine(text: string, limit = 200): string {
  // No character takes more than two units, and a message may be long.
  const characters = [
    ...text
      .slice(0, 4 * limit + 1000)
      .replace(breaks, ' ')
      .trim(),
  ]
  return characters.length <= limit
    ? characters.join('')
    : `${characters
        .slice(0, limit - 1)
        .join('')
        .trimEnd()}…`
}
