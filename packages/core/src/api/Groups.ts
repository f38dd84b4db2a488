/**
 * The methods of the protocol as functions, in groups: `thread/name/set` is `codex.thread.nameSet`.
 *
 * **Details**
 *
 * One rule derives the names: in camel case, a method begins with the name of its group, and the rest names the function. The
 * thread id or the file path that a function is about is its first argument; the other parameters follow in one object, as in
 * the protocol. A response with a single field becomes that field, and an empty one becomes `void`. A paginated list is a
 * stream; the function with the suffix `Page` reads one page of it. Work that continues after the response (a login, a
 * command, a watch) is a handle or a stream that the scope owns. Call methods outside of the groups with `request` and
 * `requestExperimental`.
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
 * The functions of `codex.thread` that take a thread by its id.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadGroup
  extends ThreadStore.ThreadStore, ThreadFiling.ThreadFiling, ThreadSearch.ThreadSearch, ThreadWork.ThreadWork {}

/**
 * The grouped functions of `codex`, named after the protocol's methods.
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
 * The options that the groups need in addition to the connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many bytes a stream may buffer for its consumer before it fails with `SlowConsumer`. */
  readonly bufferBytes: number
  /** Makes the server load a thread, for methods that work on loaded threads only. */
  readonly load: LoadThread
}

/**
 * All groups over one connection, with the functions for thread handles in the group of threads. Each group is made when it is
 * first used, because few programs use more than one or two.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Handles extends object>(
  server: AppServer["Service"],
  options: Options,
  handles: Handles
): Groups & { readonly thread: ThreadGroup & Handles } => {
  const account = once(() => Account.make(server))
  const app = once(() => App.make(server))
  const command = once(() => Command.make(server, options))
  const config = once(() => CodexConfig.make(server))
  const fs = once(() => Fs.make(server, options))
  const mcpServer = once(() => McpServer.make(server, options))
  const model = once(() => Model.make(server))
  const review = once(() => Review.make(server, options))
  const skills = once(() => Skills.make(server))
  const thread = once(() => ({
    ...ThreadStore.make(server, options),
    ...ThreadFiling.make(server),
    ...ThreadSearch.make(server),
    ...ThreadWork.make(server, options),
    ...handles
  }))
  const turn = once(() => TurnControl.make(server))
  return {
    ...FuzzyFileSearch.make(server, options),
    get account() {
      return account()
    },
    get app() {
      return app()
    },
    get command() {
      return command()
    },
    get config() {
      return config()
    },
    get fs() {
      return fs()
    },
    get mcpServer() {
      return mcpServer()
    },
    get model() {
      return model()
    },
    get review() {
      return review()
    },
    get skills() {
      return skills()
    },
    get thread() {
      return thread()
    },
    get turn() {
      return turn()
    }
  }
}

const once = <A extends object>(make: () => A): (() => A) => {
  let made: A | undefined
  return () => (made ??= make())
}
