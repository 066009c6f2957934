/** Servers that offer the same things, each in its own words. */

export interface CorpusServer {
  readonly name: string
  /** What people call it. */
  readonly product: string
  /** How its tools are spelt. */
  readonly style: "snake" | "camel" | "kebab"
  /** What each of its tools begins with. */
  readonly prefix?: string
  /** Its own words for things. */
  readonly words?: Readonly<Record<string, string>>
}

export interface Kind {
  readonly servers: ReadonlyArray<CorpusServer>
  /** A line each: words of the name | description | parameters (`?` optional, `:n` integer, `:b` boolean, `:l` list). */
  readonly operations: string
}
