// library.go: libsales, loaded at run time, and the tables it is given. The linker leaves the functions of
// sales.h open, and dlopen binds them before the first is called. The shims cast const away, which //export
// does not know, and turn the host's pointer into the number of a cgo.Handle.
package main

/*
#cgo CFLAGS: -std=gnu11 -I${SRCDIR}/../../include
#cgo LDFLAGS: -ldl -Wl,--export-dynamic -Wl,--unresolved-symbols=ignore-in-object-files
#include <dlfcn.h>
#include <stdlib.h>
#include "sales.h"

extern sales_status_t hostBooks(uintptr_t host, uint64_t *reserved, uint64_t *free);
extern sales_status_t hostOperation(uintptr_t host, sales_op_t *op, uint64_t bytes, sales_bytes_t *proof);
extern void hostEvent(uintptr_t host, sales_event_t *event);

// Every operation becomes one hostOperation with its bytes, or its slot's; a fill also brings its proof.
#define OPERATION(name, size, proof, ...)                                                                \
    static sales_status_t name(void *host, const sales_op_t *op, __VA_ARGS__) {                          \
        return hostOperation((uintptr_t)host, (sales_op_t *)op, size, (sales_bytes_t *)proof);           \
    }
OPERATION(of_bytes, bytes, NULL, uint64_t bytes)
#define SIZE s->request->slot_size
OPERATION(of_slot, SIZE, NULL, const sales_slot_t *s)
OPERATION(store, SIZE, NULL, const sales_slot_t *s, uint64_t until, uint32_t repairing)
OPERATION(prove, SIZE, NULL, const sales_slot_t *s, const sales_challenge_t *challenge)
OPERATION(fill, SIZE, p, const sales_slot_t *s, const sales_bytes_t *p, const sales_u256_t *c)
OPERATION(read_request, 0, NULL, const sales_id_t *id)

static sales_status_t available(void *host, uint64_t *free) {
    return hostBooks((uintptr_t)host, &(uint64_t){0}, free);
}
static sales_status_t reserved(void *host, sales_repo_total_t *total) {
    return hostBooks((uintptr_t)host, &total->bytes, &(uint64_t){0});
}
static void on_event(void *host, const sales_event_t *event) {
    hostEvent((uintptr_t)host, (sales_event_t *)event);
}

static sales_status_t register_all(sales_t sales, uintptr_t handle, sales_error_t *error) {
    void *host = (void *)handle;
    sales_repo_t repo = {sizeof repo, 0, host, available, of_bytes, of_bytes, reserved, of_bytes};
    sales_chain_t chain = {sizeof chain, 0, host, .fill_slot = fill, .reserve_slot = of_slot,
                           .free_slot = of_slot, .read_slot = of_slot, .read_request = read_request};
    sales_content_t content = {sizeof content, 0, host, .store = store, .prove = prove, .clear = of_slot};
    sales_watch_t watch = {sizeof watch, 0, host, on_event, NULL};
    sales_status_t status = sales_register_repo(sales, &repo, error);

    if (status == SALES_OK) status = sales_register_chain(sales, &chain, error);
    if (status == SALES_OK) status = sales_register_content(sales, &content, error);
    return status == SALES_OK ? sales_register_watch(sales, &watch, error) : status;
}
*/
import "C"

import (
	"encoding/binary"
	"fmt"
	"log"
	"math/rand/v2"
	"runtime/cgo"
	"time"
	"unsafe"
)

type status = C.sales_status_t

func newError() *C.sales_error_t { return &C.sales_error_t{size: C.sizeof_sales_error_t} }

func pause() { time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond) }

func u256(n uint64) (u C.sales_u256_t) {
	binary.BigEndian.PutUint64((*[32]byte)(unsafe.Pointer(&u))[24:], n)
	return u
}

// open loads the library, opens an instance and registers the host.
func open(library, store string, host cgo.Handle, e *C.sales_error_t) (sales C.sales_t) {
	file, dir := C.CString(library), C.CString(store)
	defer C.free(unsafe.Pointer(file))
	defer C.free(unsafe.Pointer(dir))
	if C.dlopen(file, C.RTLD_NOW|C.RTLD_GLOBAL) == nil {
		log.Fatal(C.GoString(C.dlerror()))
	}
	check("open", C.sales_open(C.SALES_ABI_VERSION, dir, nil, &sales, e), e)
	check("register", C.register_all(sales, C.uintptr_t(host), e), e)
	return sales
}

// must ends the program where a call answered an error.
func must(step string, s status, e *C.sales_error_t) {
	if s < 0 {
		log.Fatalf("%s: %s: %s", step, C.GoString(C.sales_status_name(s)), C.GoString(&e.text[0]))
	}
}

// check shows a step and its status, and passes the status on.
func check(step string, s status, e *C.sales_error_t) status {
	must(step, s, e)
	fmt.Printf("%-20s %s\n", step, C.GoString(C.sales_status_name(s)))
	return s
}
