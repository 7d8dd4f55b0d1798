// host.go: a host in Go that sells one slot with everything asynchronous. Each operation is completed by
// another goroutine, before or after its callback returned, or inside the callback: by chance.
package main

// #include "sales.h"
import "C"

import (
	"cmp"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/cgo"
	"sync/atomic"
	"time"
	"unsafe"
)

const slotSize, duration = 64 << 10, 60

var cid, proof = []byte{1, 2, 3}, []byte("a proof")

var operations = map[C.uint32_t]string{1: "reserve", 2: "release", 3: "consume", 16: "store", 17: "prove",
	19: "clear", 32: "fill slot", 33: "reserve slot", 34: "free slot", 36: "read slot", 38: "read request"}
var events = []string{"", "state", "sold", "ended", "alert", "done", "refused", "released"}

type host struct {
	repo
	sales   C.sales_t
	request *C.sales_request_t // pinned, and so is the content id in it
	news    chan C.sales_event_t
	ahead   atomic.Uint64 // seconds: what time it is on the chain is the host's to tell
	filled  atomic.Bool
}

func (h *host) now() C.uint64_t { return C.uint64_t(uint64(time.Now().Unix()) + h.ahead.Load()) }

//export hostEvent
func hostEvent(user C.uintptr_t, event *C.sales_event_t) {
	cgo.Handle(user).Value().(*host).news <- *event
}

//export hostOperation
func hostOperation(user C.uintptr_t, op *C.sales_op_t, size C.uint64_t, filling *C.sales_bytes_t) status {
	h, o, p := cgo.Handle(user).Value().(*host), *op, []byte(nil) // what is lent dies with the callback
	if filling != nil {
		p = C.GoBytes(unsafe.Pointer(filling.data), C.int(filling.len))
	}
	if o.kind != C.SALES_OP_CONTENT_STORE && rand.IntN(3) == 0 { // a store waits for what follows its callback
		h.operate(o, int64(size), p)
	} else {
		go h.operate(o, int64(size), p)
		pause() // the goroutine may be faster
	}
	return C.SALES_PENDING
}

// operate does what an operation asks and completes it.
func (h *host) operate(op C.sales_op_t, size int64, filling []byte) {
	pause()
	e, result := newError(), C.sales_result_t{size: C.sizeof_sales_result_t, status: C.SALES_OK}
	var pins runtime.Pinner // lends to C what result points to
	defer pins.Unpin()
	switch op.kind {
	case C.SALES_OP_REPO_RESERVE:
		_, _, result.status = h.book(size, 0)
	case C.SALES_OP_REPO_RELEASE:
		h.book(-size, 0)
	case C.SALES_OP_REPO_CONSUME:
		h.book(-size, size)
	case C.SALES_OP_CONTENT_CLEAR:
		h.book(0, -size)
	case C.SALES_OP_CONTENT_STORE:
		for landed := size / 4; landed <= size; landed += size / 4 {
			must("consumed", C.sales_consumed(h.sales, h.now(), &op.slot_id, C.uint64_t(landed), e), e)
		}
		for _, used, _ := h.book(0, 0); used < size; _, used, _ = h.book(0, 0) {
			pause()
		}
	case C.SALES_OP_CONTENT_PROVE:
		pins.Pin(&proof[0])
		result.proof = C.sales_bytes_t{data: (*C.uint8_t)(&proof[0]), len: C.size_t(len(proof))}
	case C.SALES_OP_CHAIN_FILL_SLOT:
		if string(filling) != string(proof) {
			result.status = C.SALES_HOST_PERMANENT
		}
		h.filled.Store(result.status == C.SALES_OK)
	case C.SALES_OP_CHAIN_READ_SLOT:
		view := C.sales_slot_view_t{size: C.sizeof_sales_slot_view_t, collateral: u256(slotSize)}
		if h.filled.Load() {
			view.is_mine, view.request_state, view.slot_state = 1, C.SALES_REQUEST_STARTED, C.SALES_SLOT_FILLED
		}
		if h.filled.Load() && h.ahead.Load() > duration {
			view.request_state, view.slot_state = C.SALES_REQUEST_FINISHED, C.SALES_SLOT_FINISHED
		}
		pins.Pin(&view)
		result.view = &view
	case C.SALES_OP_CHAIN_READ_REQUEST:
		result.request = h.request
	}
	fmt.Printf("  %s, %d bytes\n", operations[op.kind], size)
	must("complete", C.sales_complete(h.sales, h.now(), op.token, &result, e), e)
}

// await lets time pass until the event has come.
func (h *host) await(kind C.uint32_t, token C.uint64_t, e *C.sales_error_t) {
	for timeout := time.After(30 * time.Second); ; {
		select {
		case event := <-h.news:
			reserved, used, _ := h.book(0, 0)
			what := events[event.kind]
			if event.state != 0 {
				what += " " + C.GoString(C.sales_state_name(event.state))
			}
			fmt.Printf("%s: reserved %d, used %d\n", what, reserved, used)
			if event.status < 0 || event.kind == C.SALES_EVENT_ALERT || event.kind == C.SALES_EVENT_REFUSED {
				log.Fatal(C.GoString(&event.text[0]))
			} else if event.kind == kind && event.token == token {
				return
			}
		case <-time.After(50 * time.Millisecond):
			must("tick", C.sales_tick(h.sales, h.now(), e), e)
		case <-timeout:
			log.Fatalf("event %d never came", kind)
		}
	}
}

func main() {
	h := &host{news: make(chan C.sales_event_t, 256)}
	store, err := os.MkdirTemp("", "sales-go-")
	if err != nil {
		log.Fatal(err)
	}
	library := cmp.Or(append(os.Args, "")[1], os.Getenv("LIBSALES"), "../../target/release/libsales.so")
	e, handle := newError(), cgo.NewHandle(h)
	h.sales = open(library, store, handle, e)
	for check("start", C.sales_start(h.sales, h.now(), e), e) == C.SALES_PENDING {
		pause()
	}
	offer := C.sales_offer_t{size: C.sizeof_sales_offer_t, flags: C.SALES_OFFER_ENABLED, total_size: quota,
		min_price_per_byte_per_second: u256(1), total_collateral: u256(slotSize)}
	check("offer", C.sales_offer_put(h.sales, h.now(), &offer, e), e)

	var pins runtime.Pinner
	defer pins.Unpin()
	pins.Pin(&cid[0])
	h.request = &C.sales_request_t{size: C.sizeof_sales_request_t, proof_probability: u256(1), slots: 1,
		price_per_byte_per_second: u256(2), collateral_per_byte: u256(1), slot_size: slotSize,
		duration: duration, expiry: duration / 2,
		cid: C.sales_bytes_t{data: (*C.uint8_t)(&cid[0]), len: C.size_t(len(cid))}}
	pins.Pin(h.request)
	ask := C.sales_ask_t{size: C.sizeof_sales_ask_t, proof_probability: u256(1), slots: 1,
		price_per_byte_per_second: u256(2), collateral_per_byte: u256(1), slot_size: slotSize,
		duration: duration, expires_at: h.now() + duration/2, ends_at: h.now() + duration}
	check("request id", C.sales_request_id(h.request, &ask.request_id, e), e)
	check("request", C.sales_on_request(h.sales, h.now(), nil, &ask, e), e)
	h.await(C.SALES_EVENT_SOLD, 0, e)

	h.ahead.Store(duration + 1)
	check("request ended", C.sales_on_request_ended(h.sales, h.now(), nil, &ask.request_id, e), e)
	h.await(C.SALES_EVENT_ENDED, 0, e)

	slot, token := C.sales_id_t{bytes: u256(1).be}, C.uint64_t(0) // a reservation by hand
	if check("reserve", C.sales_reserve(h.sales, h.now(), &slot, 4096, &token, e), e) == C.SALES_PENDING {
		h.await(C.SALES_EVENT_DONE, token, e)
	}
	check("release", C.sales_release(h.sales, h.now(), &slot, nil, e), e)
	for check("stop", C.sales_stop(h.sales, h.now(), e), e) == C.SALES_PENDING {
		pause()
	}
	check("close", C.sales_close(h.sales, e), e)
	handle.Delete()
	reserved, used, _ := h.book(0, 0)
	if err := os.RemoveAll(store); err != nil || reserved+used != 0 {
		log.Fatalf("left: %d reserved, %d used in the repo; %v", reserved, used, err)
	}
	fmt.Printf("sold 1 slot, repo=%d\n", reserved+used)
}
