import { describe } from "@effect/vitest"
import { seeds } from "./seeds.ts"

describe("the client in the simulation, seeds 1001 to 2000", () => seeds(1001, 1000))
