/**
 * What runners say to each other of a batch: that it is to be run, and that a chunk of it is. Each message is kept by the
 * cluster until it is answered, by whichever runner, so it may come twice.
 *
 * @since 0.2.0
 */
import * as ClusterSchema from "@effect/cluster/ClusterSchema"
import * as Entity from "@effect/cluster/Entity"
import * as Rpc from "@effect/rpc/Rpc"
import * as Schema from "effect/Schema"

/**
 * How a chunk ended: with all of its rows, in so many milliseconds, 0 where nobody knows; because its batch is to do no more, or because it cannot go on.
 *
 * @since 0.2.0
 * @category models
 */
export const ChunkEnd = Schema.Union(
  Schema.TaggedStruct("Done", { millis: Schema.Number }),
  Schema.TaggedStruct("Stopped", {}),
  Schema.TaggedStruct("Failed", { detail: Schema.String })
)

/**
 * The same as a type.
 *
 * @since 0.2.0
 * @category models
 */
export type ChunkEnd = typeof ChunkEnd.Type

/**
 * The entity that reads the rows of a batch and hands its chunks out. Its id is that of the batch.
 *
 * @since 0.2.0
 * @category entities
 */
export const driverOf = (name: string) =>
  Entity.make(`effect-aimd/batch/${name}`, [
    Rpc.make("Run", { payload: {} })
      .annotate(ClusterSchema.Persisted, true)
      .annotate(ClusterSchema.Uninterruptible, "client")
  ])

/**
 * The entity that does the rows of a chunk. A chunk is an entity by itself, so chunks are spread over the runners.
 *
 * @since 0.2.0
 * @category entities
 */
export const workerOf = (name: string) =>
  Entity.make(`effect-aimd/batch-chunk/${name}`, [
    Rpc.make("Do", { payload: { id: Schema.String, chunk: Schema.Number }, success: ChunkEnd })
      .annotate(ClusterSchema.Persisted, true)
      .annotate(ClusterSchema.Uninterruptible, "client")
  ])
