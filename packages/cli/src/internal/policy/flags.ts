/**
 * Flags that the subcommands of `effect-codex policy` share.
 */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import { text, toggle } from "../flags.ts"

/** Recordings. */
export const files = Argument.String("FILE").pipe(
  Argument.withDescription("The newest file of a recording; its older ones are read with it"),
  Argument.variadic({ min: 1 })
)

/** Whether files that are there are replaced. */
export const force = toggle("force", "Replace what is there")

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
