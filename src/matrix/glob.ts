/**
 * Whether a whole text matches a glob, where `*` stands for any characters and `?` for one; case counts. Takes time in
 * the product of both lengths at worst, which a regular expression does not promise for globs that others write.
 * https://spec.matrix.org/v1.19/appendices/#glob-style-matching
 */
export function matchesGlob(glob: string, text: string): boolean {
  const pattern = [...glob]
  const characters = [...text]
  let at = 0
  let star = -1
  let starAt = 0
  for (let i = 0; i < characters.length; ) {
    const wanted = pattern[at]
    if (wanted === '*') {
      star = at++
      starAt = i
    } else if (wanted === '?' || wanted === characters[i]) {
      at++
      i++
    } else if (star >= 0) {
      // The last star takes one character more; earlier ones need no second look.
      at = star + 1
      i = ++starAt
    } else {
      return false
    }
  }
  return pattern.slice(at).every((rest) => rest === '*')
}
