/** `bun run start`: what a newcomer sees first. The tour itself is in `cli/tour`. */
import { tour } from "./cli/tour.ts"
import * as Process from "./cli/process.ts"

Process.main(tour)
