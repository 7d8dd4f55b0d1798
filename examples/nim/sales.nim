## sales.nim: libsales, declared by hand and loaded at run time. The C compiler compares every size and offset
## with sales.h, whose constants are used as they are.
import std/[macros, os, strformat]

{.pragma: callback, cdecl, raises: [], gcsafe.}

type
  Status* = int32
  Id* = array[32, byte]      ## a sales_id_t, or a sales_u256_t, big-endian
  Bytes* = object
    data*: ptr byte
    len*: csize_t
  Error* = object
    size*: uint32
    status*: Status
    text*: array[504, char]
  Op* = object
    size*, kind*: uint32
    token*: uint64
    id*: array[16, byte]
    attempt*, reserved*: uint32
    store_id*: array[16, byte]
    store_seq*, deadline*: uint64
    slot_id*: Id
  RepoTotal* = object
    size*, reserved0*: uint32
    bytes*: uint64
    store_id*: array[16, byte]
    store_seq*: uint64
  Request* = object
    size*: uint32
    client*: array[20, byte]
    proof_probability*, price_per_byte_per_second*, collateral_per_byte*: Id
    slots*, slot_size*, duration*, max_slot_loss*, expiry*: uint64
    cid*: Bytes
    merkle_root*, nonce*: Id
  Slot* = object
    size*, reserved*: uint32
    slot_id*, request_id*: Id
    index*: uint64
    request*: ptr Request
  Offer* = object
    size*, flags*: uint32
    id*: Id
    total_size*, min_duration*, max_duration*, min_slot_size*, max_slot_size*, until*: uint64
    min_price_per_byte_per_second*, total_collateral*: Id
    max_slots_per_request*, reserved*: uint32
    free_size*, sold_slots*, sold_until*: uint64
    free_collateral*: Id
  Ask* = object
    size*, reserved*: uint32
    request_id*, proof_probability*, price_per_byte_per_second*, collateral_per_byte*: Id
    slots*, slot_size*, duration*, max_slot_loss*, expires_at*, ends_at*: uint64
    request*: ptr Request
  View* = object
    size*: uint32
    request_state*, slot_state*, is_mine*, reserved*: uint8
    expires_at*, ends_at*, `block`*: uint64
    collateral*: Id
  Result* = object
    size*: uint32
    status*: Status
    text*: cstring
    proof*: Bytes
    view*: ptr View
    challenge*: pointer
    request*: ptr Request
    bytes*: uint64
    slots*: pointer
    slots_len*, slots_item_size*: csize_t
  Event* = object
    size*, kind*: uint32
    number*, time*, token*: uint64
    slot_id*, request_id*: Id
    index*: uint64
    status*: Status
    state*: uint32
    bytes*: uint64
    text*: array[120, char]

  OnBytes* = proc(user: pointer, op: ptr Op, bytes: uint64): Status {.callback.}
  OnSlot* = proc(user: pointer, op: ptr Op, slot: ptr Slot): Status {.callback.}
  Repo* = object
    size*, reserved0*: uint32
    user_data*: pointer
    available*: proc(user: pointer, bytes: ptr uint64): Status {.callback.}
    reserve*, release*: OnBytes
    reserved*: proc(user: pointer, total: ptr RepoTotal): Status {.callback.}
    consume*: OnBytes
  Chain* = object
    size*, reserved0*: uint32
    user_data*: pointer
    fill_slot*: proc(user: pointer, op: ptr Op, slot: ptr Slot, proof: ptr Bytes,
      collateral: ptr Id): Status {.callback.}
    reserve_slot*, free_slot*: OnSlot
    submit_proof*: pointer
    read_slot*, read_challenge*: OnSlot
    read_request*: proc(user: pointer, op: ptr Op, request_id: ptr Id): Status {.callback.}
    read_my_slots*: pointer
  Content* = object
    size*, reserved0*: uint32
    user_data*: pointer
    store*: proc(user: pointer, op: ptr Op, slot: ptr Slot, until: uint64,
      repairing: uint32): Status {.callback.}
    prove*: proc(user: pointer, op: ptr Op, slot: ptr Slot, challenge: pointer): Status {.callback.}
    keep*: pointer
    clear*, verify*: OnSlot
    cancel*: pointer
  Watch* = object
    size*, reserved0*: uint32
    user_data*: pointer
    on_event*: proc(user: pointer, event: ptr Event) {.callback.}
    on_deadline*: pointer

{.emit: "#include <stddef.h>\n#include \"sales.h\"".}

macro same(T: typedesc, c: static string) =
  ## Stops the C compiler where a size or an offset is not the one in sales.h.
  var asserts = quote do: "_Static_assert(sizeof(" & `c` & ") == " & $sizeof(`T`) & ", \"size\");\n"
  for field in T.getTypeImpl[1].getTypeImpl[2]:
    let (member, name) = (field[0], $field[0])
    asserts = quote do:
      `asserts` & "_Static_assert(offsetof(" & `c` & ", " & `name` & ") == " & $offsetof(`T`, `member`) &
        ", \"offset of " & `name` & "\");\n"
  quote do: {.emit: `asserts`.}

same(Id, "sales_id_t")
same(Id, "sales_u256_t")
same(Bytes, "sales_bytes_t")
same(Error, "sales_error_t")
same(Op, "sales_op_t")
same(RepoTotal, "sales_repo_total_t")
same(Request, "sales_request_t")
same(Slot, "sales_slot_t")
same(Offer, "sales_offer_t")
same(Ask, "sales_ask_t")
same(View, "sales_slot_view_t")
same(Result, "sales_result_t")
same(Event, "sales_event_t")
same(Repo, "sales_repo_t")
same(Chain, "sales_chain_t")
same(Content, "sales_content_t")
same(Watch, "sales_watch_t")

proc library(): string =
  if paramCount() > 0: paramStr(1) else: getEnv("LIBSALES", "../../target/release/libsales.so")

{.push cdecl, importc, dynlib: library(), raises: [], gcsafe.}
proc sales_status_name*(status: Status): cstring
proc sales_state_name*(state: uint32): cstring
proc sales_open*(abi: uint32, path: cstring, options: pointer, sales: ptr uint64, e: ptr Error): Status
proc sales_register_repo*(sales: uint64, table: ptr Repo, e: ptr Error): Status
proc sales_register_chain*(sales: uint64, table: ptr Chain, e: ptr Error): Status
proc sales_register_content*(sales: uint64, table: ptr Content, e: ptr Error): Status
proc sales_register_watch*(sales: uint64, table: ptr Watch, e: ptr Error): Status
proc sales_start*(sales, now: uint64, e: ptr Error): Status
proc sales_tick*(sales, now: uint64, e: ptr Error): Status
proc sales_stop*(sales, now: uint64, e: ptr Error): Status
proc sales_close*(sales: uint64, e: ptr Error): Status
proc sales_offer_put*(sales, now: uint64, offer: ptr Offer, e: ptr Error): Status
proc sales_request_id*(request: ptr Request, id: ptr Id, e: ptr Error): Status
proc sales_on_request*(sales, now: uint64, at: pointer, ask: ptr Ask, e: ptr Error): Status
proc sales_on_request_ended*(sales, now: uint64, at: pointer, id: ptr Id, e: ptr Error): Status
proc sales_reserve*(sales, now: uint64, slot: ptr Id, bytes: uint64, token: ptr uint64, e: ptr Error): Status
proc sales_release*(sales, now: uint64, slot: ptr Id, token: ptr uint64, e: ptr Error): Status
proc sales_consumed*(sales, now: uint64, slot: ptr Id, total: uint64, e: ptr Error): Status
proc sales_complete*(sales, now, token: uint64, answer: ptr Result, e: ptr Error): Status
{.pop.}

{.push importc, header: "sales.h", nodecl.}
let
  SALES_ABI_VERSION*, SALES_OFFER_ENABLED*: uint32
  SALES_EVENT_SOLD*, SALES_EVENT_ENDED*, SALES_EVENT_ALERT*, SALES_EVENT_DONE*, SALES_EVENT_REFUSED*: uint32
  SALES_OK*, SALES_PENDING*, SALES_HOST_NO_SPACE*, SALES_HOST_PERMANENT*, SALES_HOST_UNKNOWN*: Status
  SALES_REQUEST_STARTED*, SALES_REQUEST_FINISHED*, SALES_SLOT_FILLED*, SALES_SLOT_FINISHED*: uint8
{.pop.}

proc sized*(T: typedesc): T = T(size: uint32(sizeof(T)))

proc u256*(n: uint64): Id =
  for i in 0 .. 7: result[31 - i] = byte((n shr (8 * i)) and 255)

proc must*(step: string, status: Status, e: var Error) =
  if status < 0:
    raise newException(CatchableError, &"{step}: {sales_status_name(status)}: {cast[cstring](addr e.text)}")

proc check*(step: string, status: Status, e: var Error) =
  ## Shows a step and its status; an error is raised.
  must(step, status, e)
  echo &"{step:<20} {sales_status_name(status)}"

proc pends*(step: string, status: Status, e: var Error): bool =
  check(step, status, e)
  status == SALES_PENDING
