// repo.go: the repo of the host: a quota, and how much of it is reserved and used.
package main

// #include "sales.h"
import "C"

import (
	"log"
	"runtime/cgo"
	"sync"
)

const quota = 1 << 20

type repo struct {
	books          sync.Mutex // never held in a call of the library
	reserved, used int64
}

// book changes the books, or refuses and changes nothing, and tells what they are.
func (r *repo) book(reserved, used int64) (int64, int64, status) {
	r.books.Lock()
	defer r.books.Unlock()
	if r.reserved+reserved+r.used+used > quota {
		return r.reserved, r.used, C.SALES_HOST_NO_SPACE
	}
	r.reserved, r.used = r.reserved+reserved, r.used+used
	if r.reserved < 0 || r.used < 0 {
		log.Fatalf("more given back than was taken: reserved %d, used %d", r.reserved, r.used)
	}
	return r.reserved, r.used, C.SALES_OK
}

//export hostBooks
func hostBooks(user C.uintptr_t, held, free *C.uint64_t) status {
	reserved, used, s := cgo.Handle(user).Value().(*host).book(0, 0)
	*held, *free = C.uint64_t(reserved), C.uint64_t(quota-reserved-used)
	return s
}
