/**
 * The methods of the protocol as functions, in groups: `thread/name/set` is `codex.thread.nameSet`.
 *
 * **Details**
 *
 * One rule makes the names. A method in camel case begins with the name of its group, and the rest of it is the function. The
 * id of the thread that a function is about, or the path of the file, comes first; the other parameters follow as the protocol
 * has them. An answer with one field is that field, one without any is nothing. What comes page by page is a stream; with
 * `Page` after its name it is one page. What goes on after its answer (a login, a command, a watch) is a handle or a stream
 * that the scope owns. Methods outside of the groups are called with `request` and `requestExperimental`.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Account from "./Account.ts"
import * as App from "./App.ts"
import type { AppServer } from "../AppServer.ts"
import * as CodexConfig from "./CodexConfig.ts"
import * as Command from "./Command.ts"
import * as Fs from "./Fs.ts"
import * as FuzzyFileSearch from "./FuzzyFileSearch.ts"
import type { LoadThread } from "../internal/api/calls.ts"
import * as McpServer from "./McpServer.ts"
import * as Model from "./Model.ts"
import * as Review from "./Review.ts"
import * as Skills from "./Skills.ts"
import * as ThreadFiling from "./ThreadFiling.ts"
import * as ThreadSearch from "./ThreadSearch.ts"
import * as ThreadStore from "./ThreadStore.ts"
import * as ThreadWork from "./ThreadWork.ts"
import * as TurnControl from "./TurnControl.ts"

/**
 * What can be done with threads by their ids.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadGroup
  extends ThreadStore.ThreadStore, ThreadFiling.ThreadFiling, ThreadSearch.ThreadSearch, ThreadWork.ThreadWork {}

/**
 * The grouped functions of `codex`, by the names of the protocol.
 *
 * @category models
 * @since 0.1.0
 */
export interface Groups extends FuzzyFileSearch.FuzzyFileSearch {
  readonly account: Account.Account
  readonly app: App.App
  readonly command: Command.Command
  readonly config: CodexConfig.CodexConfig
  readonly fs: Fs.Fs
  readonly mcpServer: McpServer.McpServer
  readonly model: Model.Model
  readonly review: Review.Review
  readonly skills: Skills.Skills
  readonly thread: ThreadGroup
  readonly turn: TurnControl.TurnControl
}

/**
 * What the groups need besides the connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How much a stream's consumer may leave unread before it fails with `SlowConsumer`, in bytes. */
  readonly bufferBytes: number
  /** Has the server load a thread for a method that works on loaded threads only. */
  readonly load: LoadThread
}

/**
 * All groups over one connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"], options: Options): Groups => ({
  account: Account.make(server),
  app: App.make(server),
  command: Command.make(server, options),
  config: CodexConfig.make(server),
  fs: Fs.make(server, options),
  ...FuzzyFileSearch.make(server, options),
  mcpServer: McpServer.make(server, options),
  model: Model.make(server),
  review: Review.make(server, options),
  skills: Skills.make(server),
  thread: {
    ...ThreadStore.make(server, options),
    ...ThreadFiling.make(server),
    ...ThreadSearch.make(server),
    ...ThreadWork.make(server, options)
  },
  turn: TurnControl.make(server)
})
