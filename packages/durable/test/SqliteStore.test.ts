import { storeSuite } from "./storeSuite.ts"
import { sqlite } from "./storeSupport.ts"

storeSuite("a store in a SQLite file", sqlite)
