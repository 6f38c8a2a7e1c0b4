/* SPDX-License-Identifier: MIT */
/* spec_names: for LD_PRELOAD. Looking slow.test up takes six seconds; a lookup of the machine's own
 * name is said on standard error. Not a part of the library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **found) {
  char own[256] = "";
  lookup *next = NULL;
  if (name != NULL && strcmp(name, "slow.test") == 0) {
    sleep(6);
    return EAI_AGAIN;
  }
  gethostname(own, sizeof own - 1);
  if (name != NULL && own[0] != '\0' && strcmp(name, own) == 0)
    fputs("OWN NAME LOOKED UP\n", stderr);
  *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
  return next(name, service, hints, found);
}
