/**
 * Which of several names is the home of a key: rendezvous hashing (Thaler and Ravishankar, 1996). When a name goes, only its
 * own keys get another home.
 *
 * @since 0.2.0
 */

/** FNV-1a (Fowler, Noll, Vo), then the last step of MurmurHash3 (Appleby), which spreads names that differ by a letter. */
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The home of a key; undefined where there are no names.
 *
 * @since 0.2.0
 * @category values
 */
export const of = <Name extends string>(key: string, names: ReadonlyArray<Name>): Name | undefined => {
  let home: Name | undefined
  let most = -1
  for (const name of names) {
    const weight = hash(`${name}\n${key}`)
    if (weight > most) {
      home = name
      most = weight
    }
  }
  return home
}
