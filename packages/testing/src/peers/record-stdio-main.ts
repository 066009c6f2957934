/** Stands before a local server and keeps what passes: `record-stdio-main.ts <command> [arguments]`. */
import { spawn } from "node:child_process"
import { keep } from "./record-file.ts"

const [command = "", ...args] = process.argv.slice(2)
const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] })

const lines = (direction: "sent" | "received") => {
  const decoder = new TextDecoder()
  let rest = ""
  return (chunk: Buffer) => {
    const all = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = all.pop() ?? ""
    for (const line of all) {
      try {
        keep({ direction, message: JSON.parse(line) })
      } catch {
        keep({ event: `junk: ${line.slice(0, 200)}` })
      }
    }
  }
}

const sent = lines("sent")
const received = lines("received")
process.stdin.on("data", (chunk: Buffer) => {
  sent(chunk)
  child.stdin.write(chunk)
})
process.stdin.on("end", () => {
  keep({ event: "eof" })
  child.stdin.end()
})
child.stdin.on("error", () => undefined)
child.stdout.on("data", (chunk: Buffer) => {
  received(chunk)
  process.stdout.write(chunk)
})
child.on("error", () => process.exit(127))
child.on("exit", (code) => process.exit(code ?? 1))
process.on("SIGTERM", () => {
  keep({ event: "SIGTERM" })
  child.kill("SIGTERM")
})
