/** What starts and ends programs on Windows, as commands: no machine of that kind runs these tests. */
import { win32 } from "node:path"
import { describe, expect, test } from "@opencode-ai/testing/runner"
import { batchArguments, onWindows, type Program, shimScript } from "../../src/process/program.ts"
import { endCommand, endTreeCommand, listCommand, parseList } from "../../src/process/windows.ts"

const npmShim = (target: string) => `@ECHO off\r
GOTO start\r
:find_dp0\r
SET dp0=%~dp0\r
EXIT /b\r
:start\r
SETLOCAL\r
CALL :find_dp0\r
\r
IF EXIST "%dp0%\\node.exe" (\r
  SET "_prog=%dp0%\\node.exe"\r
) ELSE (\r
  SET "_prog=node"\r
  SET PATHEXT=%PATHEXT:;.JS;=;%\r
)\r
\r
endLocal & goto #_undefined_# 2>NUL || title %COMSPEC% & "%_prog%"  "%dp0%\\${target}" %*\r
`
const oldShim = `@IF EXIST "%~dp0\\node.exe" (\r
  "%~dp0\\node.exe"  "%~dp0\\..\\server\\cli.js" %*\r
) ELSE (\r
  @SETLOCAL\r
  @SET PATHEXT=%PATHEXT:;.JS;=;%\r
  node  "%~dp0\\..\\server\\cli.js" %*\r
)`
const npx = `:: Created by npm, please don't edit manually.
@ECHO OFF

SETLOCAL

SET "NODE_EXE=%~dp0\\node.exe"
IF NOT EXIST "%NODE_EXE%" (
  SET "NODE_EXE=node"
)

SET "NPM_PREFIX_JS=%~dp0\\node_modules\\npm\\bin\\npm-prefix.js"
SET "NPX_CLI_JS=%~dp0\\node_modules\\npm\\bin\\npx-cli.js"
"%NODE_EXE%" "%NPX_CLI_JS%" %*
`

const nodejs = "C:\\Program Files\\nodejs"
const files: Readonly<Record<string, string>> = {
  [`${nodejs}\\node.exe`]: "",
  [`${nodejs}\\npx.cmd`]: npx,
  [`${nodejs}\\npx`]: "#!/usr/bin/env bash",
  [`${nodejs}\\npx.ps1`]: "#!/usr/bin/env pwsh",
  "C:\\bin\\server.cmd": npmShim("node_modules\\server\\cli.js"),
  "C:\\bin\\batch.bat": "@echo off\r\necho %*",
  "C:\\bin\\script.ps1": "Write-Output hi",
  "C:\\bin\\uvx.exe": "",
  "C:\\project\\planted.exe": "",
  "C:\\project\\server": "",
  "C:\\project\\.bin\\own.cmd": oldShim,
}
const system = "C:\\Windows"
const place = {
  cwd: "C:\\project",
  environment: { Path: `C:\\bin;.;;"${nodejs}"`, PATHEXT: ".COM;.EXE;.BAT;.CMD" },
  system,
  disk: { isFile: (path: string) => path in files, read: (path: string) => files[path] ?? "" },
}
const words = ["a b", `"c"`, "&|%PATH%^$!x!", "line\nbreak", "", "back\\"]

/** What a program of the C runtime makes of a line: as Microsoft describes it for `argv`. */
const argumentsIn = (line: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  let word: string | undefined
  let isQuoted = false
  for (let at = 0; at < line.length; at++) {
    const rest = line.slice(at)
    const slashes = /^\\*/.exec(rest)?.[0].length ?? 0
    if (slashes > 0 && rest[slashes] === '"') {
      word = (word ?? "") + "\\".repeat(Math.floor(slashes / 2))
      at += slashes - 1
      if (slashes % 2 === 1) {
        word += '"'
        at += 1
      }
    } else if (rest.startsWith('""') && isQuoted) {
      word = `${word ?? ""}"`
      at += 1
    } else if (rest.startsWith('"')) {
      isQuoted = !isQuoted
      word ??= ""
    } else if (rest.startsWith(" ") && !isQuoted) {
      if (word !== undefined) found.push(word)
      word = undefined
    } else word = (word ?? "") + rest[0]
  }
  return word === undefined ? found : [...found, word]
}

/** What `cmd.exe` makes of a line: the empty variable is gone, and what is outside of quotes may mean anything. */
const readByShell = (line: string) => {
  const read = line.replaceAll("%cd:~,%", "")
  let isQuoted = false
  let outside = ""
  for (const letter of read) {
    if (letter === '"') isQuoted = !isQuoted
    else if (!isQuoted) outside += letter
  }
  return { read, outside }
}

describe("a command on Windows", () => {
  const cases: ReadonlyArray<readonly [what: string, command: string, expected: Program]> = [
    ["a program on the PATH", "uvx", { file: "C:\\bin\\uvx.exe", args: words, verbatim: false }],
    [
      "a shim of npm's is the script that it calls",
      "server",
      {
        file: `${nodejs}\\node.exe`,
        args: ["C:\\bin\\node_modules\\server\\cli.js", ...words],
        verbatim: false,
      },
    ],
    [
      "npx itself is a script, too",
      "npx",
      {
        file: `${nodejs}\\node.exe`,
        args: [`${nodejs}\\node_modules\\npm\\bin\\npx-cli.js`, ...words],
        verbatim: false,
      },
    ],
    [
      "an older shim, by its path",
      ".bin/own",
      { file: `${nodejs}\\node.exe`, args: ["C:\\project\\server\\cli.js", ...words], verbatim: false },
    ],
    [
      "the shim for PowerShell that lies beside one is the same",
      "npx.ps1",
      {
        file: `${nodejs}\\node.exe`,
        args: [`${nodejs}\\node_modules\\npm\\bin\\npx-cli.js`, ...words],
        verbatim: false,
      },
    ],
    [
      "a script of PowerShell is read by that, which takes each argument as it is",
      "script.ps1",
      {
        file: "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
        args: ["-NoProfile", "-NonInteractive", "-File", "C:\\bin\\script.ps1", ...words],
        verbatim: false,
      },
    ],
    [
      "a file without an extension, by its path, is left to the system",
      "./server",
      { file: "C:\\project\\server", args: words, verbatim: false },
    ],
  ]
  for (const [what, command, expected] of cases) {
    test(what, () => expect(onWindows([command, ...words], place)).toEqual(expected))
  }

  test.each(["missing", ".\\missing", "planted", "C:\\bin"])(
    "what is not there is said to be missing, and the working directory is not searched: %s",
    (command) => expect(onWindows([command], place)).toMatchObject({ code: "ENOENT" }),
  )

  test("a batch file that is no shim is given a line in which nothing but the words has a meaning", () => {
    const given = words.filter((word) => !word.includes("\n"))
    const program = onWindows(["batch", ...given], place)
    const args = "args" in program ? program.args : []
    expect(program).toMatchObject({ file: "C:\\Windows\\System32\\cmd.exe", verbatim: true })
    expect(args.slice(0, -1)).toEqual(["/e:ON", "/v:OFF", "/d", "/c"])
    const line = args.at(-1) ?? ""
    expect([line.slice(0, 1), line.slice(-1)]).toEqual(['"', '"'])
    const { outside, read } = readByShell(line.slice(1, -1))
    expect(outside.trim()).toBe("")
    expect(argumentsIn(read)).toEqual(["C:\\bin\\batch.bat", ...given])
  })

  test("a batch file that is no shim gets no argument with a line break: that would be another command", () => {
    for (const word of ["a\nb", "a\rb", "a\0b"]) {
      expect(onWindows(["batch", word], place)).toMatchObject({
        code: "ERR_INVALID_ARG_VALUE",
        message: expect.stringContaining("C:\\bin\\batch.bat is a batch file"),
      })
      expect(batchArguments("C:\\x.bat", [word])).toBe(undefined)
    }
  })

  test("a percent sign names no variable, in the path of the batch file either", () => {
    const [line = ""] = batchArguments("C:\\100%\\x.bat", ["%PATH%", "%%", "%cd:~,%"])?.slice(-1) ?? []
    expect(line).toBe(`""C:\\100%%cd:~,%\\x.bat" "%%cd:~,%PATH%%cd:~,%" "%%cd:~,%%%cd:~,%" "%%cd:~,%cd:~,%%cd:~,%""`)
  })
})

describe("a batch file", () => {
  test.each([
    ["of npm", npmShim("..\\a b\\cli.js"), "..\\a b\\cli.js"],
    ["of older tools", oldShim, "..\\server\\cli.js"],
    ["npx", npx, "node_modules\\npm\\bin\\npx-cli.js"],
  ])("is a shim: %s", (_, text, script) => expect(shimScript(text)).toBe(script))

  test.each([
    ["it does something else", "@echo off\r\nstart server %*"],
    ["it has another interpreter", npmShim("x.py").replace(`"_prog=node"`, `"_prog=python"`)],
    ["it sets what the script needs", `@SET NODE_PATH=C:\\x\r\n${oldShim}`],
    ["it calls one of two scripts", `${oldShim}\r\nnode  "%~dp0\\other.js" %*`],
    ["it calls another program first", `evil.exe  "%~dp0\\..\\server\\cli.js" %*\r\n${oldShim}`],
    ["it is empty", ""],
  ])("is none: %s", (_, text) => expect(shimScript(text)).toBe(undefined))
})

describe("the processes of Windows", () => {
  test("are listed and ended by programs of the system's own directory", () => {
    const inSystem = win32.join(system, "System32")
    expect(listCommand(system)[0].startsWith(inSystem)).toBe(true)
    expect(endTreeCommand(system, 7)).toEqual([`${inSystem}\\taskkill.exe`, ["/PID", "7", "/T", "/F"]])
    expect(endCommand(system, [7, 8])).toEqual([`${inSystem}\\taskkill.exe`, ["/PID", "7", "/PID", "8", "/F"]])
  })

  test("are what is printed, each under the parent that was there before it", () => {
    const printed =
      "0 0 0\r\n4 0 638000000000000000\r\n40 4 638000000000000001\r\n41 40 638000000000000002\r\n42 41 638000000000000001\r\n43 99 638000000000000003\r\nnonsense\r\n"
    expect(parseList(printed)).toEqual([
      { pid: 0, parent: 0, group: 0, started: "0" },
      { pid: 4, parent: 0, group: 0, started: "638000000000000000" },
      { pid: 40, parent: 4, group: 0, started: "638000000000000001" },
      { pid: 41, parent: 40, group: 0, started: "638000000000000002" },
      // Its parent's id was given to a younger process.
      { pid: 42, parent: 0, group: 0, started: "638000000000000001" },
      { pid: 43, parent: 0, group: 0, started: "638000000000000003" },
    ])
  })
})
