// @ts-nocheck
// A sketch of an afternoon, not the product and not its style: the control law as a fit (LAWS.md, sketch E). Untuned; reads a log of all starts
// (time in ms, attempts in flight besides, rejected or not) that the pool would hand to the law. Read it for the idea, then write your own.
interface Start { t: number; k: number; rej: boolean }
const EPS = 0.03, KEEP = 400, HALF = 150
const ll = (p: number) => Math.log(Math.max(1e-6, p))
export const log: { starts: Array<Start> } = { starts: [] }
const fitNone = (h: Array<Start>, w: Array<number>) => {
  let r = 0, n = 0
  for (let i = 0; i < h.length; i++) { n += w[i]!; if (h[i]!.rej) r += w[i]! }
  const p = (r + 0.02) / (n + 2)
  return { ll: r * ll(p) + (n - r) * ll(1 - p), p }
}
const fitCap = (h: Array<Start>, w: Array<number>) => {
  let best = { ll: -Infinity, c: 0, p: 0 }
  const cs = new Set(h.filter((s) => s.rej).map((s) => s.k))
  for (const c of cs) {
    if (c < 1) continue
    let r = 0, n = 0, sum = 0
    for (let i = 0; i < h.length; i++) {
      const s = h[i]!
      if (s.k >= c) sum += w[i]! * ll(s.rej ? 1 - EPS : EPS)
      else { n += w[i]!; if (s.rej) r += w[i]! }
    }
    const p = (r + 0.02) / (n + 2)
    const L = sum + r * ll(p) + (n - r) * ll(1 - p)
    if (L > best.ll) best = { ll: L, c, p }
  }
  return best
}
const fitBucket = (h: Array<Start>, w: Array<number>) => {
  let best = { ll: -Infinity, R: 0, p: 0 }
  const at: Array<number> = []
  for (let i = 0; i < h.length; i++) if (h[i]!.rej) at.push(i)
  if (at.length < 2) return best
  const cand: Array<number> = []
  const acc: Array<number> = [0]
  for (let i = 0; i < h.length; i++) acc.push(acc[i]! + (h[i]!.rej ? 0 : 1))
  const tail = at.slice(-6)
  for (let a = 0; a < tail.length; a++) for (let b = a + 1; b < tail.length; b++) {
    const dt = h[tail[b]!]!.t - h[tail[a]!]!.t
    const n = acc[tail[b]!]! - acc[tail[a]!]!
    if (dt > 0 && n > 0) cand.push(n / dt)
  }
  const all: Array<any> = []
  const fine = cand.flatMap((R) => [0.99, 0.997, 1, 1.003, 1.01].map((f) => R * f))
  const i0 = at[0]!
  let n0 = 0
  for (let i = 0; i < i0; i++) n0 += w[i]!
  for (const R of fine) for (const B of [1, 2, 4, 8, 16, 40, 100, Infinity]) {
    let level = 0, last = h[i0]!.t, r = 0, n = n0, sum = 0
    for (let i = i0; i < h.length; i++) {
      const s = h[i]!
      level = Math.min(Math.max(1, B), level + R * (s.t - last)); last = s.t
      // how sure the model is that there is a token
      if (level < 0.9) sum += w[i]! * ll(s.rej ? 1 - EPS : EPS)
      else if (level < 1.1) sum += w[i]! * ll(0.5)
      else { n += w[i]!; if (s.rej) r += w[i]! }
      if (!s.rej) level = Math.max(0, level - 1)
      else if (level < 1.1) level = Math.min(level, 0.99)
    }
    const p = (r + 0.02) / (n + 2)
    const L = sum + r * ll(p) + (n - r) * ll(1 - p)
    all.push({ ll: L, R, p, B })
  }
  const top = Math.max(...all.map((x) => x.ll))
  // what a full bucket loses makes measured rates too low, never too high: of the explanations that are as good, the fastest
  for (const x of all) if (x.ll > top - 1.5 && x.R > best.R) best = { ...x, ll: top }
  return best
}
const fitPeriod = (h: Array<Start>) => {
  let best = { ll: -Infinity, n: 0, P: 0, p: 0 }
  const opens: Array<{ t: number; n: number }> = [{ t: h[0]?.t ?? 0, n: 0 }]
  let run = 0, acc = 0, lastRej = 0
  const ns: Array<number> = []
  for (const s of h) {
    if (s.rej) { if (run === 0) ns.push(acc); run++; lastRej = s.t }
    else { if (run >= 1 && acc > 4) { opens.push({ t: (s.t + lastRej) / 2, n: acc }); acc = 0 } run = 0; acc++ }
  }
  const Ps = new Set<number>(), Ns = new Set<number>()
  const o = opens.slice(-6)
  for (let i = 0; i < o.length; i++) for (let j = i + 1; j < o.length; j++) { const d = o[j]!.t - o[i]!.t; if (d > 400) { Ps.add(d); for (const r of [500, 1000, 10000, 30000, 60000]) if (Math.abs(d - Math.round(d / r) * r) < 0.05 * r && Math.round(d / r) > 0) Ps.add(Math.round(d / r) * r) } }
  for (const n of ns.slice(-6)) if (n >= 4) Ns.add(n)
  for (const P of Ps) for (const n of Ns) for (const counted of [false, true]) {
    let sum = 0, r = 0, m = 0, i0 = 0
    const q: Array<number> = []
    for (const s of h) {
      while (i0 < q.length && q[i0]! <= s.t - P) i0++
      const count = q.length - i0
      if (count >= n) sum += ll(s.rej ? 1 - EPS : EPS)
      else { m++; if (s.rej) r++ }
      if (!s.rej || counted) q.push(s.t)
    }
    const p = (r + 0.02) / (m + 2)
    const L = sum + r * ll(p) + (m - r) * ll(1 - p)
    if (L > best.ll + (counted ? 2 : 0)) best = { ll: L, n, P, p, counted } as any
  }
  return best
}
export const fit = (_: any) => ({
  name: "fit",
  remembers: 16384,
  initial: (poolSize: number) => {
    const d = { window: Math.min(12, poolSize), spacing: 0, holdUntil: 0, delay: 0, epoch: 0, reason: "start" }
    return { state: { pool: poolSize, W: d.window, R: Infinity, mode: "none", p: 0, testIdx: 0, wait: 6, testing: 0, gain: 1.1, step: 1, rej: 50, lat: 0, seen: 0, passed: 0, shut: 0, shutAt: 0, d } as any, decision: d }
  },
  step: (s0: any, x: any, now: number, view: any) => {
    log.starts = []; const off = Math.max(view.first, view.last - 1600); for (let q = off; q <= view.last; q++) log.starts.push({ t: view.at(q), k: view.besides(q), rej: view.fate(q) === 'capacity' })
    const base = off - 1; x = { ...x, sequence: x.sequence - base }; s0 = { ...s0 }; for (const f of ['testIdx','lastSeq','seen']) if (s0[f] !== undefined) s0[f] = Math.max(0, s0[f] + (s0.base ?? 0) - base); s0.base = base
    const s = { ...s0 }
    if (x._tag === "neutral") return { state: s, decision: s.d }
    let hold = s.d.holdUntil, epoch = s.d.epoch, alone = 0
    const starts = log.starts
    // tests are judged by the log: a start that was not rejected within a rejection's time was accepted
    const known = now - 1.2 * s.rej
    const since = (i: number) => { let n = 0, hit = false; for (let j = starts.length - 1; j >= i; j--) if (starts[j]!.t < known) { n++; if (starts[j]!.k >= s.c) hit = true } return { n, hit } }
    if (x._tag === "success") {
      s.lat = s.lat === 0 ? x.latency : s.lat + 0.1 * (x.latency - s.lat)
      if (x.sequence > s.seen) s.shut = 0
      if (s.mode === "none") {
        if (x.bound === "window" && s.W < s.pool) s.W += 3
        if (s.R < Infinity && x.bound === "spacing") { s.R *= 1 + 1 / Math.max(12, 1.4 * s.R * s.lat); if (s.R * s.lat > 1.5 * s.pool) s.R = Infinity }
      } else if (s.mode === "cap") {
        const q = since(s.testIdx)
        if (s.testing) { if (q.hit) { s.c += s.step; s.step = Math.min(s.step * 2, Math.max(1, s.c / 3)); s.W = Math.floor(s.c) + 1; s.testIdx = starts.length } }
        else if (q.n > s.wait) { s.testing = 1; s.testIdx = starts.length; s.W = Math.floor(s.c) + 1 }
      } else if (s.mode === "bucket") {
        const q = since(s.testIdx)
        if (s.testing) { if (q.n > 2 / (s.gain - 1)) { s.R *= s.gain; s.gain = Math.min(2, 1 + (s.gain - 1) * 1.5); s.testIdx = starts.length } }
        else if (q.n > s.wait) { s.testing = 1; s.testIdx = starts.length }
      }
    } else {
      s.rej = Math.max(5, s.rej * 0.9, x.latency)
      if (starts[x.sequence - 1]) starts[x.sequence - 1]!.rej = true
      const old = x.epoch < s.d.epoch
      s.shut = s.lastSeq !== undefined && x.sequence > s.lastSeq && starts.slice(s.lastSeq, x.sequence - 1).every((q) => q.rej) ? s.shut + 1 : old ? s.shut : 0
      s.lastSeq = Math.max(s.lastSeq ?? 0, x.sequence)
      s.seen = Math.max(s.seen, x.sequence)
      if (!old) {
        epoch++
        s.fits = (s.fits ?? 0) + 1
        const h = starts.slice(-KEEP).filter((q) => q.rej || q.t < now - 1.2 * s.rej)
        const w = h.map((_, i) => 0.5 ** ((h.length - 1 - i) / HALF))
        const pen = 0.5 * Math.log(Math.max(4, h.length))
        const long = starts.slice(-1500).filter((q) => q.rej || q.t < now - 1.2 * s.rej), one = long.map(() => 1)
        const none = fitNone(h, w), cap = fitCap(h, w), bucket = fitBucket(h, w), period = fitPeriod(long) as any, noneLong = fitNone(long, one)
        const best = [["none", none.ll], ["cap", cap.ll - pen], ["bucket", bucket.ll - 1.5 * pen], ["period", none.ll + (period.ll - noneLong.ll) - 2 * pen]].sort((a: any, b: any) => b[1] - a[1])[0]![0]

        s.testing = 0; s.testIdx = starts.length
        s.wait = Math.min(60, 6 * s.fits)
        if (best === "cap") { s.same = s.mode === "cap" && s.c === cap.c ? (s.same ?? 0) + 1 : 0; s.mode = "cap"; s.c = cap.c; s.W = cap.c; s.R = Infinity; s.step = 1; s.wait = Math.min(100, 6 * 2 ** s.same) }
        else if (best === "bucket") { const near = s.mode === "bucket" && Math.abs(bucket.R / (s.R || 1) - 1) < 0.08; s.same = near ? (s.same ?? 0) + 1 : 0; s.mode = "bucket"; s.R = bucket.R; s.W = s.pool; s.wait = Math.min(60, 8 * 2 ** s.same); s.gain = s.same < 3 ? 1.12 : 1.05 }
        else if (best === "period") { s.mode = "period"; s.W = s.pool; s.R = Infinity; s.starts = { limit: period.n, period: Math.ceil(period.P * 1.002), provenUntil: Infinity } }
        else if (s.mode !== "none") { s.mode = "none"; s.W = Math.max(s.W, 2) }
        if (s.shut >= 2) {
          s.shutAt = s.shutAt || now
          hold = now + Math.min(1000, 60 * 2 ** s.shut) + 0.05 * (now - s.shutAt); alone = 2 * s.rej
          if (s.mode === "period") { const q = long.filter((z) => period.counted || !z.rej); const z = q[q.length - period.n]; if (z) hold = Math.max(hold, z.t + period.P * 1.002) }
        } else s.shutAt = 0
        if (x.retryAfter !== undefined) { hold = Math.max(hold, now + x.retryAfter); alone = 2 * s.rej }
      }
    }
    const pace = s.R === Infinity ? 0 : 1 / (s.R * (s.mode === "bucket" && s.testing ? s.gain : 1))
    s.d = { ...s.d, window: Math.max(1, Math.min(s.pool, Math.floor(s.W))), spacing: Math.max(pace, s.lat / (5 * Math.max(1, s.W))), holdUntil: Math.ceil(hold), alone, starts: s.mode === "period" ? s.starts : undefined, epoch, reason: s.mode }
    return { state: s, decision: s.d }
  }
})
