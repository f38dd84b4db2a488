/**
 * Writes `rubric.schema.json`, the JSON Schema of rubrics for editors: `node packages/policy/scripts/rubric-schema.ts`.
 */
import { writeFileSync } from "node:fs"
import * as path from "node:path"
import * as Rubric from "../src/Rubric.ts"

writeFileSync(
  path.join(import.meta.dirname, "..", "rubric.schema.json"),
  `${JSON.stringify(Rubric.jsonSchema(), null, 2)}\n`
)
