/** A thread of the crew: does one job after the other. */
import { parentPort } from "node:worker_threads"
import { perform, type Job } from "./work.js"

parentPort?.on("message", (job: Job) => parentPort?.postMessage(perform(job)))
