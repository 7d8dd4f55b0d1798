/* Loads libsales.so at run time, as a node does that can live without it. */
#include "load.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

library_t lib;

int load_library(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "cannot load the library: %s\n", dlerror());
        return -1;
    }
    const struct {
        const char *name;
        void *place;
    } functions[] = {
#define X(name) {#name, &lib.name},
        LOADED_FUNCTIONS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *function = dlsym(library, functions[i].name);
        if (function == NULL) {
            fprintf(stderr, "%s lacks %s: %s\n", path, functions[i].name, dlerror());
            return -1;
        }
        memcpy(functions[i].place, &function, sizeof function); /* ISO C has no cast from data to function */
    }
    return 0;
}
