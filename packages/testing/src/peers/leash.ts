/**
 * Runs another program in this process and ends with stdin: `leash.ts <file> [arguments]`. For servers that listen on a
 * port and would outlive a test run that was killed.
 */
import { pathToFileURL } from "node:url"

const [file = "", ...args] = process.argv.slice(2)
process.argv = [process.execPath, file, ...args]
process.stdin.on("end", () => process.exit(0))
process.stdin.on("close", () => process.exit(0))
process.stdin.resume()
await import(pathToFileURL(file).href)
