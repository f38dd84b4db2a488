/**
 * Flags that the subcommands of `effect-codex policy` share.
 */
import * as Flag from "effect/cli/Flag"
import { text } from "../flags.ts"

/** The rubric. */
export const policy = Flag.String("policy").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription("The rubric, a .json, .yaml, .yml or .toml file")
)

/** The base of the rubric's relative folders. */
export const root = text(
  "root",
  "DIR",
  "The folder that relative folders of the rubric start from. Default: the folder of its file"
)
