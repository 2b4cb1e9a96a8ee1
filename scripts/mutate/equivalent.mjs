// Faults that are none: nobody can tell the program from the one without them. Each with the line that it is on, and why.

/** What a file's mutants do that nobody can see: what the mutant does, on which line, and why it makes no difference. */
export const equivalent = {
  "src/answer/HeaderValue.ts": [
    {
      what: "without ?? 0",
      line: "((((weeks ?? 0) * 7 + (days ?? 0)) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60_000 + (seconds ?? 0) * 1000",
      why: "each of them is a number: only the compiler does not know"
    },
    {
      what: "without ?? 0",
      line: "const millisOf = (unit: string) => isUnit.find(([form]) => form.test(unit))?.[1] ?? 0",
      why: "a text with another unit does not come here"
    },
    {
      what: "0 -> (0 + 1)",
      line: "((((weeks ?? 0) * 7 + (days ?? 0)) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60_000 + (seconds ?? 0) * 1000",
      why: "each of them is a number: only the compiler does not know"
    }
  ],
  "src/answer/RetryAfter.ts": [
    {
      what: "2 -> (2 + 1)",
      line: 'const [key = "", value = ""] = name.split("=", 2)',
      why: "nobody takes the third part"
    },
    {
      what: "if (first === undefined) never",
      line: "if (first === undefined) return undefined",
      why: "without a first there are no others, and undefined is what the fold begins with"
    }
  ],
  "src/journal/Fingerprint.ts": [
    {
      what: "without text = undefined",
      line: "text = undefined",
      why: "it is undefined still: only the compiler does not know"
    }
  ],
  "src/journal/Journal.ts": [
    {
      what: "without return rows.map(() => undefined)",
      line: "if (opened.isEmpty) return rows.map(() => undefined)",
      why: "it says at once what the store would find"
    }
  ],
  "src/journal/Lease.ts": [
    {
      what: "0 -> (0 + 1)",
      line: "Effect.all([0, 1, 2, 3].map(() => Random.nextIntBetween(0, 0x1_0000_0000))),",
      why: "one number of four billion cannot be drawn any more"
    }
  ],
  "src/journal/PoolFailure.ts": [
    "retryAfter: Schema.optionalWith(Millis, { exact: true })",
    "othersServed: Schema.optionalWith(Schema.Number, { exact: true }),",
    "retryAfter: Schema.optionalWith(Millis, { exact: true }),",
    "retryAt: Schema.optionalWith(Schema.Number, { exact: true })"
  ].map((line) => ({ what: "true -> false", line, why: "JSON knows no undefined" })),
  "src/law/window/Bucket.ts": [
    "for (let i = from; i < at.length; i++) {",
    "for (let i = from; i < at.length; i++)"
  ].map((line) => ({
    what: "< -> <=",
    line,
    why: "behind the last start there is one of nothing, which was not rejected"
  })),
  "src/law/window/Fit.ts": [
    {
      what: "< -> <=",
      line: "for (let i = 0; i < weight.length; i++) {",
      why: "behind the last start there is one that weighs nothing"
    }
  ],
  "src/law/window/Fitted.ts": [
    {
      what: "|| -> &&",
      line: "taken === 0 || taken >= all ? 0 : taken * Math.log(all / taken) + (all - taken) * Math.log(all / (all - taken))",
      why: "it would be no number then, which is no more than any other either"
    }
  ],
  "src/law/window/Noise.ts": [
    {
      what: "> -> >=",
      line: "if (draft.asked !== undefined && sequence > draft.asked.sequence && besides >= draft.asked.besides) {",
      why: "the one that is asked about was rejected, and is passed over before"
    }
  ],
  "src/law/window/Success.ts": [
    {
      what: "without ?? 0",
      line: "(quota.resetAfter ?? 0) <= (1 + step) * (first.resetAfter ?? 0)",
      why: "one that is nearly used says when it comes back: only the compiler does not know"
    }
  ],
  "src/law/window/Rate.ts": [
    {
      what: "0 -> (0 + 1)",
      line: "const { accepted = 0, at = 0, held = 0 } = marks[i] ?? {}",
      why: "each of them is there: only the compiler does not know"
    },
    {
      what: "0 -> (0 + 1)",
      line: "const [first = 0, middle = 0, last = 0] = [rates[0], rates[rates.length >> 1], rates[rates.length - 1]]",
      why: "where it says which rate is meant, it is caught; the defaults are for the compiler alone"
    }
  ],
  "src/limit/Read.ts": [
    {
      what: "without ?? unit",
      line: 'return readLimit({ [unitNames[unit] ?? unit]: numberOf(amount), per: span, ...bucket }, `"${part}"`)',
      why: "the pattern lets no other unit through: only the compiler does not know"
    }
  ],
  "src/limit/Window.ts": [
    {
      what: "without return Infinity",
      line: "if (amount > most) return Infinity",
      why: "it says at once what the loops would find"
    }
  ],
  "src/order/ReorderBuffer.ts": [
    { what: "without return none", line: "if (!shelf.isReady) return none", why: "then the loop finds nothing either" }
  ],
  "src/order/Shelf.ts": [
    {
      what: "without slot.next = undefined",
      line: "slot.next = undefined",
      why: "it lets go of memory: nobody goes on from a slot that is out"
    }
  ],
  "src/pool/BatchInput.ts": [
    {
      what: "0 -> (0 + 1)",
      line: "const anyTime = { now: () => 0, wallNow: () => 0 }",
      why: "a deadline is right or wrong at any instant"
    }
  ],
  "src/pool/Elected.ts": [
    {
      what: "if (first !== undefined) always",
      line: "if (first !== undefined) jobs.delete(first)",
      why: "where there is none, none is taken out: only the compiler does not know"
    }
  ],
  "src/pool/Ended.ts": [
    {
      what: "0 -> (0 + 1)",
      line: "lastError?.retryAfter === undefined ? 0 : cappedHint(Duration.toMillis(lastError.retryAfter))",
      why: "a row that waits by itself waits a millisecond at least"
    }
  ],
  "src/pool/Gate.ts": [
    {
      what: "without found.aloneUntil = aloneUntil",
      line: "found.aloneUntil = aloneUntil",
      why: "whoever passes is past it, so that it binds nobody after"
    }
  ],
  "src/pool/GroupAdmission.ts": [
    { what: "1 -> (1 + 1)", line: "nextRow: () => (rows += 1),", why: "it tells rows apart, whatever their numbers" }
  ],
  "src/pool/GroupChoice.ts": [
    {
      what: "1 -> (1 + 1)",
      line: "if (stickiness < Infinity) alarm.ringBy(now + stickiness + 1)",
      why: "it looks again once their home is late, a millisecond sooner or later"
    }
  ],
  "src/pool/GroupLines.ts": ["if (dismissIfEmpty()) never", "without return"].map((what) => ({
    what,
    line: "if (dismissIfEmpty()) return",
    why: "a member that asks where nobody waits is sent away"
  })),
  "src/pool/History.ts": [
    {
      what: "without ?? []",
      line: "if (weights !== undefined) weights[sequence % size] = get(from.weights ?? [], sequence % from.size)",
      why: "both are there, or neither: only the compiler does not know"
    }
  ],
  "src/pool/Job.ts": [
    { what: "0 -> (0 + 1)", line: "startedAt = 0", why: "set by the first start, or else by the end" }
  ],
  "src/pool/Lane.ts": ["if (rejection === undefined) never", "without return"].map((what) => ({
    what,
    line: "if (rejection === undefined) return",
    why: "no row fails so before a rejection: only the compiler does not know"
  })),
  "src/pool/Outlet.ts": [
    {
      what: "without ?? 0",
      line: "return keeping?.size ?? 0",
      why: "only a batch with a keeper asks"
    }
  ],
  "src/pool/Progress.ts": [
    { what: "false -> true", line: "let isLast = false", why: "the first snapshot sets it before anybody looks" }
  ],
  "src/pool/StartLog.ts": [
    {
      what: "< -> <=",
      line: "for (let i = 0; i < size; i++) larger[i] = at(end - size + i)",
      why: "the next start takes the place of the one too many"
    }
  ],
  "src/pool/Steering.ts": [
    {
      what: "2 -> (2 + 1)",
      line: "if (changes.length > 2 * PoolStats.changesKept) changes.splice(0, PoolStats.changesKept)",
      why: "how rarely it cuts: who asks gets the latest of those that are there"
    }
  ],
  "src/pool/Trouble.ts": [{ what: "0 -> (0 + 1)", line: "let next = 0", why: "where a ring begins, nobody sees" }],
  "src/pool/TurnLine.ts": [
    {
      what: "if (served?.waiter?.value === place) never",
      line: "const known = served?.waiter?.value === place ? served : knownOf(place)",
      why: "it is found all the same, which takes longer"
    }
  ],
  "src/route/Home.ts": [
    {
      what: "16 -> (16 + 1)",
      line: "return (h ^ (h >>> 16)) >>> 0",
      why: "it changes the lower half, and names are told apart by the upper"
    }
  ],
  "src/route/Route.ts": [
    {
      what: "< -> <=",
      line: "return best < score(asking) ? score(asking) - best : 0",
      why: "between equal scores lies nothing"
    }
  ],
  "src/turn/TurnQueue.ts": [
    {
      what: "if (first.rank !== self.since) always",
      line: "} else if (first.rank !== self.since) {",
      why: "to find its place again costs time alone"
    },
    { what: "0 -> (0 + 1)", line: "let sequence = 0", why: "only the order of sequences counts" },
    {
      what: "1 -> (1 + 1)",
      line: "tenant.inLine.rank += 1 / tenant.weight",
      why: "turns are compared with each other alone: any length of one will do"
    }
  ]
}

const lineOf = ({ code, line }) => code.split("\n")[line - 1].trim()

/** The mutants without those that make no difference. Who is listed, and is no mutant any more, has to go. */
export const withoutEquivalent = (file, mutants) => {
  const listed = equivalent[file] ?? []
  const isSame = (mutant) => (one) => one.what === mutant.what && lineOf(mutant) === one.line
  const stale = listed.find((one) => !mutants.some((mutant) => isSame(mutant)(one)))
  if (stale !== undefined) throw new Error(`scripts/mutate/equivalent.mjs: ${file} has no mutant "${stale.what}"`)
  return mutants.filter((mutant) => !listed.some(isSame(mutant)))
}
