/* SPDX-License-Identifier: MIT */
/* Keeps this library loaded until the process ends: its code runs at exit, and in threads. */
#define _GNU_SOURCE /* dladdr */
#include "lomi.h"

#include <dlfcn.h>
#include <stddef.h>

/* Without them, a library that is never closed stays, too. */
#ifndef RTLD_NOLOAD
#define RTLD_NOLOAD 0
#endif
#ifndef RTLD_NODELETE
#define RTLD_NODELETE 0
#endif

void lomi_stay_loaded(void) {
  static const char here = 0; /* an address of this very library */
  Dl_info info;
  if (dladdr(&here, &info) != 0 && info.dli_fname != NULL)
    (void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
