## host.nim: a host in Nim that sells one slot with everything asynchronous, on the event loop of the standard
## library: each callback starts a future and answers SALES_PENDING. By chance the future is done before that.
import std/[asyncdispatch, os, random, strformat, tempfiles, times]
from std/tables import Table, mgetOrPut
import sales

const
  quota = 1 shl 20
  slotSize = 64 shl 10
  duration = 60
  secret = "a proof"
  events = ["", "state", "sold", "ended", "alert", "done", "refused", "released"]

type Node = ref object
  handle: uint64
  ahead: uint64 ## seconds: what time it is on the chain is the node's to tell
  reserved, used: int ## the books of the repo
  filled, stopping: bool
  cid: string
  request: Request
  news: Table[(uint32, uint64), Future[void]] ## by kind and token of the event

proc now(node: Node): uint64 = uint64(epochTime()) + node.ahead

proc lend(s: var string): Bytes = Bytes(data: cast[ptr byte](addr s[0]), len: csize_t(s.len))

proc book(node: Node, reserved, used: int): Status =
  ## Changes the books of the repo, or refuses and changes nothing.
  let (r, u) = (node.reserved + reserved, node.used + used)
  doAssert r >= 0 and u >= 0, "more given back than was taken"
  if r + u > quota: return SALES_HOST_NO_SPACE
  (node.reserved, node.used) = (r, u)
  SALES_OK

proc heard(node: Node, kind: uint32, token = 0'u64): Future[void] =
  ## The future of an event, whoever asks first: its hearer or the event.
  node.news.mgetOrPut((kind, token), newFuture[void]("event"))

template pending(user: pointer, op: ptr Op, what: string, work: untyped): Status =
  ## The answer of a callback: `work` makes the `answer` in a future, which completes the operation.
  let node {.inject.} = cast[Node](user)
  let (step, asked {.inject.}) = ("  " & what, op[]) # copies: what is lent dies with the callback
  proc operate() {.async.} =
    var e {.inject.} = sized(Error)
    var answer {.inject.} = sized(Result)
    if rand(2) > 0: await sleepAsync(rand(3))
    work
    echo step
    must("complete", sales_complete(node.handle, node.now, asked.token, addr answer, addr e), e)
  try:
    asyncCheck operate()
    SALES_PENDING
  except Exception:
    SALES_HOST_UNKNOWN

{.pragma: callback, cdecl, raises: [], gcsafe.}

proc available(user: pointer, bytes: ptr uint64): Status {.callback.} =
  bytes[] = uint64(quota - cast[Node](user).reserved - cast[Node](user).used)
  SALES_OK

proc reserved(user: pointer, total: ptr RepoTotal): Status {.callback.} =
  total.bytes = uint64(cast[Node](user).reserved)
  SALES_OK

proc reserve(user: pointer, op: ptr Op, bytes: uint64): Status {.callback.} =
  pending(user, op, &"reserve {bytes}"): answer.status = node.book(int(bytes), 0)

proc release(user: pointer, op: ptr Op, bytes: uint64): Status {.callback.} =
  pending(user, op, &"release {bytes}"): answer.status = node.book(-int(bytes), 0)

proc consume(user: pointer, op: ptr Op, bytes: uint64): Status {.callback.} =
  pending(user, op, &"consume {bytes}"): answer.status = node.book(-int(bytes), int(bytes))

proc store(user: pointer, op: ptr Op, slot: ptr Slot, until: uint64, repairing: uint32): Status {.callback.} =
  let size = slot.request.slot_size
  pending(user, op, &"store {size}"):
    for quarter in 1'u64 .. 4:
      let landed = size * quarter div 4
      must("consumed", sales_consumed(node.handle, node.now, addr asked.slot_id, landed, addr e), e)
      await sleepAsync(rand(2))
    while node.used < int(size): await sleepAsync(1)

proc prove(user: pointer, op: ptr Op, slot: ptr Slot, challenge: pointer): Status {.callback.} =
  pending(user, op, "prove"):
    var proof = secret
    answer.proof = lend(proof)

proc clear(user: pointer, op: ptr Op, slot: ptr Slot): Status {.callback.} =
  let size = int(slot.request.slot_size)
  pending(user, op, &"clear {size}"): answer.status = node.book(0, -size)

proc reserveSlot(user: pointer, op: ptr Op, slot: ptr Slot): Status {.callback.} =
  pending(user, op, "reserve slot"): discard

proc freeSlot(user: pointer, op: ptr Op, slot: ptr Slot): Status {.callback.} =
  pending(user, op, "free slot"): discard

proc fillSlot(user: pointer, op: ptr Op, slot: ptr Slot, proof: ptr Bytes,
    collateral: ptr Id): Status {.callback.} =
  var given = newString(proof.len)
  copyMem(addr given[0], proof.data, proof.len)
  pending(user, op, "fill slot"):
    node.filled = given == secret
    if not node.filled: answer.status = SALES_HOST_PERMANENT

proc readSlot(user: pointer, op: ptr Op, slot: ptr Slot): Status {.callback.} =
  pending(user, op, "read slot"):
    var view = sized(View)
    if node.filled:
      let ended = node.ahead > duration
      view.is_mine = 1
      view.request_state = if ended: SALES_REQUEST_FINISHED else: SALES_REQUEST_STARTED
      view.slot_state = if ended: SALES_SLOT_FINISHED else: SALES_SLOT_FILLED
    answer.view = addr view

proc readRequest(user: pointer, op: ptr Op, requestId: ptr Id): Status {.callback.} =
  pending(user, op, "read request"): answer.request = addr node.request

proc onEvent(user: pointer, event: ptr Event) {.callback.} =
  let node = cast[Node](user)
  try:
    let state = if event.state != 0: &" {sales_state_name(event.state)}" else: ""
    echo &"{events[event.kind]}{state}: reserved {node.reserved}, used {node.used}"
    if event.status < 0 or event.kind in [SALES_EVENT_ALERT, SALES_EVENT_REFUSED]:
      quit($cast[cstring](addr event.text))
    let future = node.heard(event.kind, event.token)
    if not future.finished: future.complete()
  except Exception as e:
    quit(e.msg)

proc register(node: Node, e: var Error) =
  var repo = sized(Repo)
  (repo.available, repo.reserved) = (available, reserved)
  (repo.reserve, repo.release, repo.consume) = (reserve, release, consume)
  var chain = sized(Chain)
  (chain.reserve_slot, chain.fill_slot, chain.free_slot) = (reserveSlot, fillSlot, freeSlot)
  (chain.read_slot, chain.read_request) = (readSlot, readRequest)
  var content = sized(Content)
  (content.store, content.prove, content.clear) = (store, prove, clear)
  var watch = sized(Watch)
  watch.on_event = onEvent
  for user in [addr repo.user_data, addr chain.user_data, addr content.user_data, addr watch.user_data]:
    user[] = cast[pointer](node)
  check("register repo", sales_register_repo(node.handle, addr repo, addr e), e)
  check("register chain", sales_register_chain(node.handle, addr chain, addr e), e)
  check("register content", sales_register_content(node.handle, addr content, addr e), e)
  check("register watch", sales_register_watch(node.handle, addr watch, addr e), e)

proc ticking(node: Node) {.async.} =
  var e = sized(Error)
  while not node.stopping:
    must("tick", sales_tick(node.handle, node.now, addr e), e)
    await sleepAsync(50)

proc sell(node: Node, dir: string) {.async.} =
  var e = sized(Error)
  check("open", sales_open(SALES_ABI_VERSION, cstring(dir), nil, addr node.handle, addr e), e)
  node.register(e)
  while pends("start", sales_start(node.handle, node.now, addr e), e): await sleepAsync(1)
  asyncCheck node.ticking()
  var offer = Offer(size: uint32(sizeof(Offer)), flags: SALES_OFFER_ENABLED, total_size: quota,
    min_price_per_byte_per_second: u256(1), total_collateral: u256(slotSize))
  check("offer", sales_offer_put(node.handle, node.now, addr offer, addr e), e)

  node.request = Request(size: uint32(sizeof(Request)), proof_probability: u256(1),
    collateral_per_byte: u256(1), price_per_byte_per_second: u256(2), slots: 1, slot_size: slotSize,
    duration: duration, expiry: duration div 2, cid: lend(node.cid))
  var ask = Ask(size: uint32(sizeof(Ask)), proof_probability: u256(1), collateral_per_byte: u256(1),
    price_per_byte_per_second: u256(2), slots: 1, slot_size: slotSize, duration: duration,
    expires_at: node.now + duration div 2, ends_at: node.now + duration)
  check("request id", sales_request_id(addr node.request, addr ask.request_id, addr e), e)
  check("request", sales_on_request(node.handle, node.now, nil, addr ask, addr e), e)
  await node.heard(SALES_EVENT_SOLD)

  node.ahead = duration + 1
  check("request ended", sales_on_request_ended(node.handle, node.now, nil, addr ask.request_id, addr e), e)
  await node.heard(SALES_EVENT_ENDED)

  var slot = u256(1) # a reservation by hand
  var token: uint64
  if pends("reserve", sales_reserve(node.handle, node.now, addr slot, 4096, addr token, addr e), e):
    await node.heard(SALES_EVENT_DONE, token)
  check("release", sales_release(node.handle, node.now, addr slot, nil, addr e), e)
  node.stopping = true
  while pends("stop", sales_stop(node.handle, node.now, addr e), e): await sleepAsync(1)
  check("close", sales_close(node.handle, addr e), e)

proc main() =
  randomize()
  let node = Node(cid: "\1\2\3")
  let dir = createTempDir("sales-nim-", "")
  doAssert waitFor node.sell(dir).withTimeout(30_000), "not done in 30 seconds"
  removeDir(dir)
  doAssert node.reserved + node.used == 0, "bytes left in the repo"
  echo &"sold 1 slot, repo={node.reserved + node.used}"

main()
