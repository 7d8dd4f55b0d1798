/* dlopen_shim.c - defines every export as a call into the library loaded at run time. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "calls.h"
#include "sales.h"

#define DEFINE(type, name, parameters, arguments) \
    static type(*name##_loaded) parameters;       \
    type name parameters {                        \
        return name##_loaded arguments;           \
    }
SALES_CALLS(DEFINE)

static void *resolve(void *library, const char *name) {
    void *at = dlsym(library, name);
    if (!at) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    return at;
}

__attribute__((constructor(101))) static void load(void) {
    const char *file = getenv("SALES_LIBRARY");
    void *library = dlopen(file ? file : SALES_LIBRARY_FILE, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
#define RESOLVE(type, name, parameters, arguments) *(void **)&name##_loaded = resolve(library, #name);
    SALES_CALLS(RESOLVE)
}
