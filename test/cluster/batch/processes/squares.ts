/** The batch that runners and their parent speak of. */
import { ClusterBatch } from "effect-aimd/cluster"
import { Schema } from "effect"

export const Squares = ClusterBatch.make("squares", {
  row: Schema.Number,
  success: Schema.Number,
  interval: "200 millis"
})

export interface Orders {
  readonly database: string
  readonly api: string
  readonly port: number
  readonly rows: number
  readonly perSecond: number
}
