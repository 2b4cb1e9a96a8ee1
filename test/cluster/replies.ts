/** What an entity says. */
import type { Reply } from "../../src/cluster/Message.js"

/** A reply of one that has nothing to say, but for this. */
export const replyOf = (part: Partial<Reply>): Reply => ({
  term: "a.1",
  isHeard: true,
  leases: [],
  lasts: 2000,
  keeps: 4000,
  isContended: false,
  window: 1,
  delay: 0,
  chance: 0,
  reason: "",
  ...part
})
