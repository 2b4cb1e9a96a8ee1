/**
 * Simulate a rate-limited API and everything that calls it, in virtual time.
 *
 * @since 0.2.0
 */

/**
 * A report as a picture.
 *
 * @since 0.2.0
 */
export * as Chart from "./report/Chart.js"

/**
 * Checkers look at every step of a simulation: what a pool must never do, or rules of your own.
 *
 * @since 0.2.0
 */
export * as Checker from "./Checker.js"

/**
 * What must hold between a pool and its control law.
 *
 * @since 0.2.0
 */
export * as LawChecker from "./LawChecker.js"

/**
 * What must never happen in a pool that was told limits or a budget.
 *
 * @since 0.2.0
 */
export * as LimitChecker from "./LimitChecker.js"

/**
 * Checkers of what a pool must get done: rows end in time, turns are fair, the window is used.
 *
 * @since 0.2.0
 */
export * as Liveness from "./Liveness.js"

/**
 * What must hold for turns and deadlines.
 *
 * @since 0.2.0
 */
export * as TurnChecker from "./TurnChecker.js"

/**
 * Numbers that change with time.
 *
 * @since 0.2.0
 */
export * as Curve from "./api/Curve.js"

/**
 * What goes wrong with servers.
 *
 * @since 0.2.0
 */
export * as Fault from "./api/Fault.js"

/**
 * The headers with which a simulated server tells when to come back.
 *
 * @since 0.2.0
 */
export * as HintDialect from "./api/HintDialect.js"

/**
 * The best possible time for a server.
 *
 * @since 0.2.0
 */
export * as Ideal from "./report/Ideal.js"

/**
 * How long a server works on a request.
 *
 * @since 0.2.0
 */
export * as Latency from "./api/Latency.js"

/**
 * The figures of a simulation.
 *
 * @since 0.2.0
 */
export * as Report from "./report/Report.js"

/**
 * How servers limit their callers.
 *
 * @since 0.2.0
 */
export * as ServerModel from "./api/ServerModel.js"

/**
 * An API that answers in virtual time.
 *
 * @since 0.2.0
 */
export * as SimulatedApi from "./api/SimulatedApi.js"

/**
 * Checkers of journals.
 *
 * @since 0.2.0
 */
export * as JournalChecker from "./JournalChecker.js"

/**
 * Clients whose processes die, and go on from their journals.
 *
 * @since 0.2.0
 */
export * as Lives from "./Lives.js"

/**
 * A world of clients with pools and one API.
 *
 * @since 0.2.0
 */
export * as Simulation from "./Simulation.js"

/**
 * Checkers of streams.
 *
 * @since 0.2.0
 */
export * as StreamChecker from "./StreamChecker.js"

/**
 * What happens in a simulation, event by event.
 *
 * @since 0.2.0
 */
export * as Trace from "./Trace.js"

/**
 * Runs any Effect program in virtual time.
 *
 * @since 0.2.0
 */
export * as VirtualTime from "./time/VirtualTime.js"

/**
 * Which rows come, and when.
 *
 * @since 0.2.0
 */
export * as Workload from "./Workload.js"
