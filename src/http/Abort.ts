/**
 * Listens to abort signals: one listener for each signal, however many calls it is given to.
 *
 * @since 0.2.0
 */

const listeners = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back when the signal aborts; returns how to stop that. With its last call the signal's listener goes.
 *
 * @since 0.2.0
 * @category constructors
 */
export const listen = (signal: AbortSignal, onAbort: () => void): (() => void) => {
  const known = listeners.get(signal)
  const calls = known ?? new Set()
  calls.add(onAbort)
  if (known === undefined) {
    listeners.set(signal, calls)
    signal.addEventListener("abort", announce)
  }
  return () => {
    calls.delete(onAbort)
    if (calls.size > 0 || listeners.get(signal) !== calls) return
    listeners.delete(signal)
    signal.removeEventListener("abort", announce)
  }
}

/** Hears of each signal that aborts: the same function for all, so that it can be taken away again. */
const announce = (event: Event): void => {
  // Only signals that are listened to call this.
  const signal = event.target as AbortSignal
  const calls = listeners.get(signal)
  listeners.delete(signal)
  signal.removeEventListener("abort", announce)
  for (const call of [...(calls ?? [])]) call()
}
