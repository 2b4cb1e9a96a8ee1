import { assert, describe, it } from "@effect/vitest"
import { PoolConfig } from "effect-aimd"
import { Effect } from "effect"
import * as Cost from "../../src/limit/Cost.js"
import * as Elected from "../../src/pool/Elected.js"
import * as Election from "../../src/pool/Election.js"
import { Job } from "../../src/pool/Job.js"
import * as Limiter from "../../src/pool/Limiter.js"
import type { Place } from "../../src/structure/Semaphore.js"
import * as LinkedQueue from "../../src/structure/LinkedQueue.js"

/** Limiters that were told of 10 tokens a second; `spent` of them are spent at 0. */
const limiterOf = (spent: number): Limiter.Limiter => {
  const limiter = Limiter.make(Effect.runSync(PoolConfig.make({ limits: [{ tokens: 10, per: "1 second" }] })))
  if (limiter === undefined) throw new Error("no limits")
  if (spent > 0) limiter.reserve(limiter.bid(Cost.weigh({ tokens: spent })), 0)
  return limiter
}

const election = (spent = 0, free = 8): Election.Election =>
  Election.hold({ limiter: limiterOf(spent), now: 0, free, spacing: 0 })

/** Somebody who stands in line. */
const someone = (): Place => LinkedQueue.node(() => true)

const tokens = (count: number) => Cost.weigh({ tokens: count })

/** The line in which they stand. */
const lineOf = (...places: ReadonlyArray<Place>): Election.Standing => ({ first: places[0], nodes: () => places })

/** Those who stand in line, and who of them has something that may start. */
const standing = (...ready: ReadonlyArray<boolean>) => {
  const line = Election.makeLine()
  const places = ready.map((isReady) => {
    const place = someone()
    // Of 10 tokens a second 5 are spent: there is no room for 10.
    line.note(place.value, (vote) => isReady || vote.accepts(tokens(10)))
    return place
  })
  return { line, places }
}

describe("An election", () => {
  it("takes the first that there is room for, and no other after it", () => {
    const vote = election()
    assert.isTrue(vote.accepts(tokens(10)))
    assert.deepStrictEqual([vote.isOver, vote.elected?.asked.tokens, vote.isBroke], [true, 10, false])
  })

  it("lets those pass a first that has to wait which leave it what it waits for", () => {
    const vote = election(5)
    assert.isFalse(vote.accepts(tokens(10)))
    assert.isFalse(vote.isOver)
    assert.isFalse(vote.accepts(tokens(1)), "both are more than the limit")
    const small = election(5)
    assert.isFalse(small.accepts(tokens(6)))
    assert.isTrue(small.accepts(tokens(4)), "both are within it")
  })

  it("lets nobody pass where one permit is free: that is for the first", () => {
    const vote = election(5, 1)
    assert.isFalse(vote.accepts(tokens(6)))
    assert.isTrue(vote.isOver)
    assert.isFalse(vote.accepts(tokens(4)))
  })

  it("looks at no more than sixteen behind the first", () => {
    const vote = election(5)
    const seen = Array.from({ length: 17 }, () => [vote.isOver, vote.accepts(tokens(10))])
    assert.deepStrictEqual(
      seen,
      seen.map(() => [false, false])
    )
    assert.isTrue(vote.isOver)
  })
})

describe("Fresh rows of a lane", () => {
  /** Rows that ask for so many tokens each, in order. */
  const rowsOf = (...asked: ReadonlyArray<number>) => {
    const fresh = asked.map((count) => {
      const job = new Job(0, true)
      job.asked = tokens(count)
      return job
    })
    return { all: [...fresh], elected: Elected.make<Job>(() => fresh.shift()), fresh }
  }

  it("go in order, but for those that fit beside one that waits", () => {
    const { all, elected } = rowsOf(6, 4, 3)
    assert.strictEqual(elected.elect(election(5)), all[1])
    assert.deepStrictEqual(elected.jobs(), all.slice(0, 1))
    assert.deepStrictEqual([elected.elect(election()), elected.elect(election())], [all[0], all[2]])
    assert.deepStrictEqual([elected.size, elected.elect(election())], [0, undefined])
  })

  it("pass one that waits 64 times, and then none passes it", () => {
    const { all, elected } = rowsOf(6, ...Array.from({ length: 70 }, () => 0))
    const passed = Array.from({ length: 66 }, () => elected.elect(election(5)))
    assert.deepStrictEqual(
      passed.map((job) => job && all.indexOf(job)),
      [...Array.from({ length: 64 }, (_, i) => i + 1), undefined, undefined]
    )
    assert.strictEqual(elected.elect(election()), all[0])
  })

  it("are taken out of their line sixteen at a time at most", () => {
    const { elected, fresh } = rowsOf(...Array.from({ length: 40 }, () => 9))
    assert.isUndefined(elected.elect(election(5)))
    assert.deepStrictEqual([elected.size, fresh.length], [16, 24])
  })

  it("leave from the front, from the middle, or all at once", () => {
    const { all, elected } = rowsOf(9, 9, 9, 9)
    elected.elect(election(5))
    const [, second, third] = all
    if (second === undefined) return assert.fail("no second row")
    elected.remove(second)
    assert.strictEqual(elected.shift(), all[0])
    assert.deepStrictEqual([elected.drain(), elected.size, elected.shift()], [[third, all[3]], 0, undefined])
  })
})

describe("A line of those who elect", () => {
  it("is served by its first who has something to start", () => {
    const { line, places } = standing(false, true, true)
    assert.strictEqual(line.winner(lineOf(...places), election(5)), places[1])
    assert.strictEqual(standing().line.winner(lineOf(), election()), undefined)
  })

  it("serves others 64 times before one that has to wait, and then nobody before it has started", () => {
    const { line, places } = standing(false, true)
    const winners = Array.from({ length: 66 }, () => line.winner(lineOf(...places), election(5)))
    assert.deepStrictEqual(
      winners.map((place) => place && places.indexOf(place)),
      [...Array.from({ length: 64 }, () => 1), undefined, undefined]
    )
    // Another is first in line now: it is served before as often.
    const [first, second] = places
    const next = someone()
    line.note(next.value, (vote) => vote.accepts(tokens(10)))
    if (second === undefined || first === undefined) return assert.fail("nobody stands in line")
    assert.strictEqual(line.winner(lineOf(next, second), election(5)), second)
  })

  it("counts anew once the first has started", () => {
    let isReady = false
    const line = Election.makeLine()
    const [first, second] = [someone(), someone()]
    line.note(first.value, (vote) => isReady || vote.accepts(tokens(10)))
    line.note(second.value, () => true)
    const serve = () => line.winner(lineOf(first, second), election(5))
    for (let i = 0; i < 64; i++) serve()
    isReady = true
    assert.strictEqual(serve(), first)
    isReady = false
    assert.strictEqual(serve(), second)
  })

  it("is held up by nobody who stands in line and has nothing to start", () => {
    const { line, places } = standing(false, true)
    const idle = someone()
    line.note(idle.value, () => false)
    const [, second] = places
    const winners = new Set(Array.from({ length: 200 }, () => line.winner(lineOf(idle, second ?? idle), election(5))))
    assert.deepStrictEqual([...winners], [second])
    // Whoever has to wait is protected behind it as well.
    const passed = Array.from({ length: 66 }, () => line.winner(lineOf(idle, ...places), election(5)))
    assert.deepStrictEqual(passed.slice(62), [second, second, undefined, undefined])
  })

  it("is led by whoever is first by turns once its leaders have left, not by who joined first", () => {
    const line = Election.makeLine()
    const [early, ...byTurn] = [someone(), someone(), someone(), someone()]
    const standing = {
      get first() {
        return byTurn[0]
      },
      nodes: () => [early, ...byTurn]
    }
    for (const idle of byTurn.slice(0, 2)) {
      line.note(idle.value, () => {
        byTurn.shift()
        return false
      })
    }
    const [, , next] = byTurn
    for (const ready of [early, next]) line.note(ready.value, () => true)
    assert.strictEqual(line.winner(standing, election(5)), next)
  })

  it("asks nobody else once an election is over", () => {
    const { line, places } = standing(false, true)
    const over = election(5, 1)
    over.accepts(tokens(6))
    assert.isUndefined(line.winner(lineOf(...places), over))
  })
})
