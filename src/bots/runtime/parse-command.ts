/** A command as it was written: its name in small letters, and what follows. */
export interface WrittenCommand {
  readonly name: string
  readonly rest: string
  readonly args: readonly string[]
}

/** Older clients put what is answered to before the answer: https://spec.matrix.org/v1.19/client-server-api/#rich-replies */
function withoutReplyFallback(body: string): string {
  const lines = body.split('\n')
  const first = lines.findIndex((line) => !line.startsWith('>'))
  return first <= 0 ? body : lines.slice(first).join('\n')
}

/**
 * Reads `!name`, `/name` and `//name` with what follows, and `name` alone where `isBare`. A bot may be named as in
 * `!name@bot`; a command for another one is none.
 */
export function parseCommand(
  body: string,
  { localpart, isBare }: { localpart: string; isBare: boolean },
): WrittenCommand | undefined {
  const match = /^(!|\/{1,2}|)([a-z][\w-]*)(?:@([^\s@:]+))?(?:\s+([\s\S]*))?$/i.exec(withoutReplyFallback(body).trim())
  if (!match) return undefined
  const [, sign = '', name = '', addressee, rest = ''] = match
  if (sign === '' && !isBare) return undefined
  if (addressee !== undefined && addressee.toLowerCase() !== localpart) return undefined
  const text = rest.trim()
  return { name: name.toLowerCase(), rest: text, args: text === '' ? [] : text.split(/\s+/) }
}
