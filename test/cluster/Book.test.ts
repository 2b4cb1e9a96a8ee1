import { assert, describe, it } from "@effect/vitest"
import { Duration, FastCheck as fc } from "effect"
import * as Book from "../../src/cluster/Book.js"
import * as BookLedger from "../../src/cluster/BookLedger.js"
import { weigh } from "../../src/limit/Cost.js"
import * as Ledger from "../../src/limit/Ledger.js"
import * as Limit from "../../src/limit/Limit.js"

const requests = (n: number): Book.Amount => ({ ...Book.nothing, requests: n })

const bookOf = (chunk: number, keeps = 1000) => {
  let short = 0
  const book = Book.make({ chunk: requests(chunk), keeps, onShort: () => void (short += 1) })
  return { book, short: () => short }
}

describe("Book", () => {
  it("allows nothing before its first page, and then what is on the page", () => {
    const { book } = bookOf(2)
    assert.isFalse(book.allows(requests(1)))
    const page = book.turn(0)
    book.written(page)
    book.add(requests(1), 1)
    book.add(requests(1), 2)
    assert.isFalse(book.allows(requests(1)))
    assert.deepStrictEqual(book.turn(10).counted, [{ age: 8, amount: requests(2) }])
  })

  it("keeps to both pages until the new one is certain: nobody knows which of them the next entity reads", () => {
    const { book } = bookOf(3)
    book.written(book.turn(0))
    book.add(requests(2), 1)
    const next = book.turn(10)
    book.add(requests(1), 11)
    assert.isFalse(book.allows(requests(1)))
    book.written(next)
    assert.isTrue(book.allows(requests(2)))
    assert.isFalse(book.allows(requests(3)))
  })

  it("asks for another page when half of it is used, and makes it as large as what waits", () => {
    const { book, short } = bookOf(4)
    book.written(book.turn(0))
    book.add(requests(2), 1)
    assert.strictEqual(short(), 0)
    book.add(requests(1), 2)
    assert.strictEqual(short(), 1)
    assert.isFalse(book.allows(requests(9)))
    assert.deepStrictEqual(book.turn(3).allowed, requests(9))
    assert.deepStrictEqual(book.turn(4).allowed, requests(4))
  })

  it("gives back what a start did not take, also once it was drawn together with later ones", () => {
    const { book } = bookOf(10_000, 1e9)
    book.written(book.turn(0))
    const line = book.add(requests(5), 0)
    for (let i = 1; i <= 400; i++) book.add(requests(1), i * 10)
    book.correct(line, requests(-5))
    const { counted } = book.turn(4000)
    assert.isBelow(counted.length, 130)
    assert.strictEqual(
      counted.reduce((sum, { amount }) => sum + amount.requests, 0),
      400
    )
  })

  it("makes no start older than it is when it draws lines together, and forgets what counts no more", () => {
    const lines = (instants: ReadonlyArray<number>) =>
      instants.map((at) => ({ at, amount: requests(1), into: undefined }))
    fc.assert(
      fc.property(fc.array(fc.nat(10_000), { maxLength: 300 }), fc.integer({ min: 1, max: 20_000 }), (raw, keeps) => {
        const instants = raw.sort((a, b) => a - b)
        const kept = Book.drawTogether(lines(instants), keeps, 10_000)
        // However far back one looks, at least as much is counted as there was.
        for (const since of instants.filter((at) => 10_000 - at <= keeps)) {
          const sum = kept.filter(({ at }) => at >= since).reduce((all, { amount }) => all + amount.requests, 0)
          assert.isAtLeast(sum, instants.filter((at) => at >= since).length)
        }
        assert.isTrue(kept.every(({ at }) => 10_000 - at <= keeps))
      })
    )
  })
})

const told = (limit: Limit.Limit) =>
  Limit.tell([{ ...limit, per: Duration.decode(limit.per ?? 0), transit: Duration.decode(limit.transit ?? 0) }])

describe("BookLedger", () => {
  it("has pages for two seconds at the limit's rate, and for a twentieth of the limit", () => {
    const chunk = (limit: Limit.Limit) => BookLedger.optionsOf(told(limit), 0)?.chunk
    assert.strictEqual(chunk({ requests: 50, per: "1 second" })?.requests, 100)
    assert.strictEqual(chunk({ requests: 600, per: "1 minute" })?.requests, 30)
    assert.strictEqual(chunk({ tokens: 10, per: "1 day" })?.tokens, 1)
    assert.strictEqual(chunk({ tokens: 10, per: "1 day" })?.requests, Infinity)
    assert.strictEqual(BookLedger.optionsOf(Limit.tell([{ concurrent: 3 }]), 0), undefined)
  })

  it("makes whoever comes next wait for what was let start, and for all that may have been", () => {
    const limits = told({ requests: 10, per: "10 seconds" })
    const { book } = bookOf(2)
    const first = BookLedger.make(Ledger.make(limits), limits, book)
    book.written(book.turn(0))
    const amounts = first.amounts(weigh({}), weigh({}))
    first.reserve(amounts, 100)
    const page = book.turn(1000)
    const later = Ledger.make(limits)
    BookLedger.restore(later, limits, page, { readAt: 5000, lateness: 500, now: 9000 })
    // One start, 900 milliseconds before it was written; two that are only allowed.
    assert.strictEqual(later.standings(9000)[0]?.used, 3)
    assert.strictEqual(later.opensAt([8], 9000), 5000 - 900 + 500 + 10_000 + 0.001)
    assert.strictEqual(later.opensAt([9], 9000), 9000 + 10_000 + 0.001)
  })
})

describe("Limits of an entity", () => {
  it("hold by the API's clock where the entity's goes half a hundredth faster", () => {
    const ledger = Ledger.make(
      Limit.tell(BookLedger.slower([{ requests: 1, per: Duration.seconds(10), transit: Duration.zero }]))
    )
    ledger.reserve([1], 0)
    assert.isAtLeast(ledger.opensAt([1], 0) / 1.005, 10_000)
  })

  it("have no place free while the API may be at work for an earlier entity", () => {
    const limits = told({ concurrent: 2, transit: "1 second" })
    const ledger = Ledger.make(limits)
    BookLedger.linger(ledger, limits, 0)
    assert.strictEqual(ledger.opensAt([1], 0), 1000.001)
    assert.strictEqual(ledger.opensAt([1], 1001), 1001)
  })
})

describe("A ledger that lends", () => {
  it("counts a start until its instant is known, however long that takes, and from then on as any other", () => {
    for (const kind of ["window", "bucket"] as const) {
      const ledger = Ledger.make(told({ requests: 1, per: "1 second", kind }))
      const reservation = ledger.reserve([1], 0)
      ledger.begin(reservation, Infinity)
      assert.strictEqual(ledger.opensAt([1], 50_000), Infinity)
      ledger.begin(reservation, 60_000)
      assert.strictEqual(ledger.opensAt([1], 60_000), 61_000.001)
    }
  })

  it("takes back a start that was never used", () => {
    const ledger = Ledger.make(told({ requests: 1, per: "1 second" }))
    const reservation = ledger.reserve([1], 0)
    ledger.begin(reservation, Infinity)
    ledger.undo(reservation, 10)
    assert.strictEqual(ledger.opensAt([1], 10), 10)
    assert.deepInclude(ledger.standings(10)[0], { used: 0, open: 0, reserved: 0 })
  })
})
