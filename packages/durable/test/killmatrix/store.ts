/** The store of a run: a SQLite file, or a schema in Postgres. */
import { PgClient } from "@effect/sql-pg"
import * as Layer from "effect/Layer"
import * as PostgresStore from "../../src/PostgresStore.ts"
import * as SqliteStore from "../../src/SqliteStore.ts"
import { configOf } from "../postgres.ts"
import type { Order } from "./points.ts"

export const layerStore = ({ postgres, store }: Pick<Order, "postgres" | "store">) =>
  postgres === undefined
    ? SqliteStore.layer({ file: store })
    : PostgresStore.layer().pipe(Layer.provide(PgClient.layer(configOf(postgres.host, postgres.schema))), Layer.orDie)
