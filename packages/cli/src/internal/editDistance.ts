/**
 * Finds the word that a misspelled one was probably meant to be.
 */

/** How many letters have to be changed to turn one word into the other. Two neighbours that are swapped count as one. */
const distance = (from: string, to: string): number => {
  let before: ReadonlyArray<number> = []
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1]
    for (const [at, other] of [...to].entries()) {
      const isSwapped = index > 0 && at > 0 && letter === to[at - 1] && other === from[index - 1]
      next.push(
        Math.min(
          (row[at + 1] ?? 0) + 1,
          (next[at] ?? 0) + 1,
          (row[at] ?? 0) + (letter === other ? 0 : 1),
          isSwapped ? (before[at - 1] ?? 0) + 1 : Infinity
        )
      )
    }
    before = row
    row = next
  }
  return row[to.length] ?? 0
}

/** The nearest of the words, if it is near. */
export const nearest = (given: string, words: Iterable<string>): string | undefined => {
  const name = given.toLowerCase()
  const [best] = [...words]
    .map((word) => ({ word, far: distance(name, word.toLowerCase()) }))
    .sort((one, other) => one.far - other.far)
  return best !== undefined && best.far <= Math.max(1, Math.floor(name.length / 3)) ? best.word : undefined
}
