import { describe } from "@effect/vitest"
import { seeds } from "./seeds.ts"

describe("the client in the simulation, seeds 1 to 1000", () => seeds(1, 1000))
