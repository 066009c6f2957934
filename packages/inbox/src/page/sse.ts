/** Server-sent events, as far as the page's own server sends them: the data of each event, nothing else. */

/** Takes text as it comes, and returns the data of the events that are whole by now. */
export const makeReader = (): ((chunk: string) => ReadonlyArray<string>) => {
  let rest = ""
  let data: Array<string> = []
  return (chunk) => {
    const whole: Array<string> = []
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ""
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) whole.push(data.join("\n"))
        data = []
      } else if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5))
    }
    return whole
  }
}
