/** How a value that may be a PEM text or the path of a file is told apart. */

/** Whether a value is the PEM text itself. */
export const isPem = (value: string): boolean => value.includes("-----BEGIN ")

/** Whether a value looks like a path, so that it may be shown: what is neither may be a secret in a wrong place. */
export const isPath = (value: string): boolean =>
  value.length <= 1_024 &&
  !/[\r\n]/.test(value) &&
  (/^(?:~?[/\\]|\.{1,2}[/\\]|[A-Za-z]:[/\\])/.test(value) || /\.(?:pem|key|crt|cer|cert|p8)$/i.test(value))
