/**
 * A first-in-first-out queue whose elements can leave from the middle: every operation is O(1).
 *
 * @since 0.1.0
 */

/**
 * An element with its place in at most one queue.
 *
 * @since 0.1.0
 * @category models
 */
export interface Node<out A> {
  readonly value: A
  /** Whether it stands in a queue now. */
  readonly queued: boolean
}

/**
 * The queue; nodes are pushed at its end and shifted from its front.
 *
 * @since 0.1.0
 * @category models
 */
export interface LinkedQueue<A> {
  readonly size: number
  readonly first: Node<A> | undefined
  readonly push: (node: Node<A>) => void
  readonly shift: () => Node<A> | undefined
  /** Does nothing for a node that does not stand in a queue. */
  readonly remove: (node: Node<A>) => void
  /** Each from the front on; the one that was given may leave before the next is asked for. */
  readonly nodes: () => Iterable<Node<A>>
}

interface Link<A> extends Node<A> {
  queued: boolean
  previous: Link<A> | undefined
  next: Link<A> | undefined
}

/**
 * Makes a node that stands in no queue yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const node = <A>(value: A): Node<A> => {
  const link: Link<A> = { value, queued: false, previous: undefined, next: undefined }
  return link
}

/**
 * Makes an empty queue.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(): LinkedQueue<A> => {
  let first: Link<A> | undefined
  let last: Link<A> | undefined
  let size = 0

  const unlink = (link: Link<A>): void => {
    if (link.previous === undefined) first = link.next
    else link.previous.next = link.next
    if (link.next === undefined) last = link.previous
    else link.next.previous = link.previous
    link.previous = undefined
    link.next = undefined
    link.queued = false
    size -= 1
  }

  // `node` makes every node, and it makes links.
  const linkOf = (node: Node<A>): Link<A> => node as Link<A>

  return {
    get size() {
      return size
    },
    get first() {
      return first
    },
    push: (node) => {
      const link = linkOf(node)
      link.previous = last
      link.queued = true
      if (last === undefined) first = link
      else last.next = link
      last = link
      size += 1
    },
    shift: () => {
      const link = first
      if (link !== undefined) unlink(link)
      return link
    },
    remove: (node) => {
      if (node.queued) unlink(linkOf(node))
    },
    *nodes() {
      for (let link = first; link !== undefined;) {
        const next: Link<A> | undefined = link.next
        yield link
        link = next
      }
    }
  }
}
