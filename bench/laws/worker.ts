/** A thread of the crew: does one job after the other. */
import { parentPort } from "node:worker_threads"
import { perform, type Job } from "./work.js"

const answer = async (job: Job): Promise<void> => parentPort?.postMessage(await perform(job))

// A job that fails ends the thread, and with it the whole: the promise is not caught.
parentPort?.on("message", (job: Job) => void answer(job))
