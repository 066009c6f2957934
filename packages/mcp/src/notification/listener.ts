/** Calls what a host gave to be called. */

/**
 * Calls a listener; what it throws is told on stderr as a warning of the runtime, and harms nobody else. Caught here,
 * because an exception would unwind the reader of the connection, and an Effect for each call would cost more than it.
 */
export const call = <A>(listener: (payload: A) => void, payload: A): void => {
  // oxlint-disable-next-line house/no-try -- see above
  try {
    listener(payload)
  } catch (cause) {
    process.emitWarning(`a listener of the MCP client failed: ${String(cause)}`)
  }
}
