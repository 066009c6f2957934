import { expect, test } from "@opencode-ai/testing/runner"
import { startedBy } from "../src/host.ts"

test("how OpenCode was started is told by its first word", () => {
  const program = ["bun", "/$bunfs/root/src/index.js"]
  expect(startedBy([...program, "run", "mcp"])).toBe("run")
  expect(startedBy([...program, "--print-logs", "mcp", "list"])).toBe("mcp")
  expect(startedBy([...program, "--port", "4096", "mcp", "list"])).toBe("mcp")
  expect(startedBy([...program, "--prompt", "mcp"])).toBeUndefined()
  expect(startedBy(["bun", "B:\\~BUN\\root\\index.js", "/home/ada/project"])).toBeUndefined()
})
