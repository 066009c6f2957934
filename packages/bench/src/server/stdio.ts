/** The raw stdio server: one line in, one line out; the answers to one chunk leave in one write. */
import { makeAnswers, sizesFrom } from "./answers.ts"

const { answer } = makeAnswers(sizesFrom(process.argv))
let rest = ""
process.stdin.setEncoding("utf8")
process.stdin.on("data", (chunk: string) => {
  const text = rest + chunk
  let out = ""
  let start = 0
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
    const line = answer(text.slice(start, end))
    if (line !== undefined) out += line + "\n"
    start = end + 1
  }
  rest = text.slice(start)
  if (out !== "") process.stdout.write(out)
})
process.stdin.on("end", () => process.exit(0))
