## host.nim: a host in Nim that sells one slot with everything asynchronous, on the event loop of the standard library.
## Each callback starts a future and answers SALES_PENDING; by chance the future is done before the callback is.
import std/[asyncdispatch, os, random, strformat, tables, tempfiles, times]
import sales

const
  quota = 1 shl 20
  slotSize = 64 shl 10
  duration = 60
  proof = "a proof"

type Host = ref object
  sales: uint64
  ahead: uint64               ## seconds: what time it is on the chain is the host's to tell
  reserved, used: int         ## the books of the repo
  filled: bool
  cid: string
  request: Request
  heard: Table[(uint32, uint64), Future[void]]

proc now(host: Host): uint64 = uint64(epochTime()) + host.ahead

proc sized[T](T: typedesc[T]): T = T(size: uint32(sizeof(T)))

proc u256(n: uint64): Id =
  for i in 0 .. 7: result[31 - i] = byte(n shr (8 * i) and 255)

proc bytes(s: var string): Bytes = Bytes(data: cast[ptr byte](addr s[0]), len: csize_t(s.len))

proc check(step: string, status: Status, e: Error): Status {.discardable.} =
  ## Shows a step and its status, which it passes on; an error is raised.
  echo &"{step:<44} {sales_status_name(status)}"
  if status < 0: raise newException(IOError, step & ": " & $cast[cstring](addr e.text))
  status

template call(step: string, what: untyped): Status =
  ## A call of the library: `e` is where it writes its reason.
  var e {.inject.} = sized(Error)
  check(step, what, e)

proc book(host: Host, reserved, used: int): Status =
  ## Changes the books of the repo, or refuses and changes nothing.
  let (r, u) = (host.reserved + reserved, host.used + used)
  doAssert r >= 0 and u >= 0, "more given back than was taken"
  if r + u > quota: return SALES_HOST_NO_SPACE
  (host.reserved, host.used) = (r, u)
  SALES_OK

template pending(user: pointer, op: ptr Op, what: string, work: untyped): Status =
  ## Answers for a callback, and has the work done and completed by a future: what is lent dies with the callback.
  let (host {.inject.}, op {.inject.}) = (cast[Host](user), op[])
  proc operation() {.async, gensym.} =
    var answer {.inject.} = sized(Result)
    if rand(2) > 0: await sleepAsync(rand(3))
    work
    discard call("  " & what, sales_complete(host.sales, host.now, op.token, addr answer, addr e))
  try:
    asyncCheck operation()
    SALES_PENDING
  except Exception:
    SALES_HOST_UNKNOWN

{.push cdecl, raises: [], gcsafe.}

proc available(user: pointer, bytes: ptr uint64): Status =
  bytes[] = uint64(quota - cast[Host](user).reserved - cast[Host](user).used)
  SALES_OK

proc reserved(user: pointer, total: ptr RepoTotal): Status =
  total.bytes = uint64(cast[Host](user).reserved)
  SALES_OK

proc reserve(user: pointer, op: ptr Op, bytes: uint64): Status =
  pending(user, op, &"reserve {bytes}"): answer.status = host.book(int(bytes), 0)

proc release(user: pointer, op: ptr Op, bytes: uint64): Status =
  pending(user, op, &"release {bytes}"): answer.status = host.book(-int(bytes), 0)

proc consume(user: pointer, op: ptr Op, bytes: uint64): Status =
  pending(user, op, &"consume {bytes}"): answer.status = host.book(-int(bytes), int(bytes))

proc store(user: pointer, op: ptr Op, slot: ptr Slot, until: uint64, repairing: uint32): Status =
  let size = slot.request.slot_size
  pending(user, op, &"store {size}"):
    for block in 1'u64 .. 4:
      await sleepAsync(rand(2))
      discard call("  landed", sales_consumed(host.sales, host.now, addr op.slot_id, size * `block` div 4, addr e))
    while host.used < int(size): await sleepAsync(1)

proc prove(user: pointer, op: ptr Op, slot: ptr Slot, challenge: pointer): Status =
  pending(user, op, "prove"):
    var made = proof
    answer.proof = bytes(made)

proc clear(user: pointer, op: ptr Op, slot: ptr Slot): Status =
  let size = int(slot.request.slot_size)
  pending(user, op, &"clear {size}"): answer.status = host.book(0, -size)

proc reserveSlot(user: pointer, op: ptr Op, slot: ptr Slot): Status =
  pending(user, op, "reserve slot"): discard

proc fillSlot(user: pointer, op: ptr Op, slot: ptr Slot, proof: ptr Bytes, collateral: ptr Id): Status =
  var given = newString(proof.len)
  copyMem(addr given[0], proof.data, proof.len)
  pending(user, op, "fill slot"):
    host.filled = given == sales.proof
    if not host.filled: answer.status = SALES_HOST_PERMANENT

proc freeSlot(user: pointer, op: ptr Op, slot: ptr Slot): Status =
  pending(user, op, "free slot"): discard

proc readSlot(user: pointer, op: ptr Op, slot: ptr Slot): Status =
  pending(user, op, "read slot"):
    var view = sized(View)
    if host.filled:
      let ended = host.ahead > duration
      view.is_mine = 1
      view.request_state = if ended: SALES_REQUEST_FINISHED else: SALES_REQUEST_STARTED
      view.slot_state = if ended: SALES_SLOT_FINISHED else: SALES_SLOT_FILLED
    answer.view = addr view

proc readRequest(user: pointer, op: ptr Op, requestId: ptr Id): Status =
  pending(user, op, "read request"): answer.request = addr host.request

proc onEvent(user: pointer, event: ptr Event) =
  let host = cast[Host](user)
  echo "event"

{.pop.}
