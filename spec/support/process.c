/* SPDX-License-Identifier: MIT */
/* spec_process: what the specs need of the system and Lua does not have. Not a part of the library.
 */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "../../src/compat.h"
#include "../../src/lomi.h"

#include <dirent.h>
#include <fcntl.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#else
#include <link.h>
#endif
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Does every other thread wait for something? Yes, where there is no telling. */
static bool others_wait(void) {
  DIR *tasks = opendir("/proc/self/task");
  bool all = true;
  for (struct dirent *task; all && tasks != NULL && (task = readdir(tasks)) != NULL;) {
    char path[64], state = 'S';
    if (task->d_name[0] == '.' || strtol(task->d_name, NULL, 10) == (long)getpid())
      continue;
    snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", task->d_name);
    FILE *stat = fopen(path, "r");
    all = stat == NULL || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1 || state == 'S';
    if (stat != NULL)
      (void)fclose(stat);
  }
  if (tasks != NULL)
    closedir(tasks);
  return all;
}

/* fork() -> process id, 0 in the child. The allocators of the sanitizers, unlike malloc, cannot be
 * forked while a thread is in them. */
static int process_fork(lua_State *L) {
  while (getenv("SANITIZER") != NULL && !others_wait())
    sched_yield();
  lua_pushinteger(L, fork());
  return 1;
}

/* wait(id) -> exit status; negative: the signal that ended it */
static int process_wait(lua_State *L) {
  int status = 0;
  waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0);
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  return 1;
}

/* exit(status): at once, closing no Lua state; `make coverage` wants its counts written */
static int process_exit(lua_State *L) {
  const char *proof = getenv("SANITIZER");
  int status = (int)luaL_checkinteger(L, 1);
  if (proof != NULL && strcmp(proof, "coverage") == 0)
    exit(status);
  _exit(status);
}

/* alarm(seconds): a SIGALRM that interrupts system calls, and does nothing else */
static void ignore(int number) {
  (void)number;
}

static int process_alarm(lua_State *L) {
  struct sigaction action = {.sa_handler = ignore};
  sigaction(SIGALRM, &action, NULL);
  alarm((unsigned)luaL_checkinteger(L, 1));
  return 0;
}

/* close(descriptor) */
static int process_close(lua_State *L) {
  lua_pushboolean(L, close((int)luaL_checkinteger(L, 1)) == 0);
  return 1;
}

/* close_on_exec(descriptor) -> boolean; nil: it is not open */
static int process_close_on_exec(lua_State *L) {
  int flags = fcntl((int)luaL_checkinteger(L, 1), F_GETFD);
  if (flags < 0)
    return 0;
  lua_pushboolean(L, (flags & FD_CLOEXEC) != 0);
  return 1;
}

/* loaded(part) -> is a library loaded whose path has this part? */
#ifdef __APPLE__
static bool is_loaded(const char *part) {
  bool found = false;
  for (uint32_t i = 0; i < _dyld_image_count() && !found; i++)
    found = strstr(_dyld_get_image_name(i), part) != NULL;
  return found;
}
#else
static int has_part(struct dl_phdr_info *library, size_t size, void *part) {
  (void)size;
  return library->dlpi_name != NULL && strstr(library->dlpi_name, part) != NULL;
}

static bool is_loaded(const char *part) {
  return dl_iterate_phdr(has_part, (void *)part) != 0;
}
#endif

static int process_loaded(lua_State *L) {
  lua_pushboolean(L, is_loaded(luaL_checkstring(L, 1)));
  return 1;
}

/* shutdown(descriptor): a FIN */
static int process_shutdown(lua_State *L) {
  lua_pushboolean(L, shutdown((int)luaL_checkinteger(L, 1), SHUT_WR) == 0);
  return 1;
}

/* reset(descriptor): a RST, at once */
static int process_reset(lua_State *L) {
  struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
  int descriptor = (int)luaL_checkinteger(L, 1);
  lua_pushboolean(L, connect(descriptor, &nowhere, sizeof nowhere) == 0);
  return 1;
}

/* narrow(descriptor): a listener whose peers can send little that is not read */
static int process_narrow(lua_State *L) {
  int descriptor = (int)luaL_checkinteger(L, 1), bytes = 8192, segment = 536;
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  setsockopt(descriptor, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
  return 0;
}

/* limit_descriptors(n): no more than so many from now on */
static int process_limit_descriptors(lua_State *L) {
  rlim_t n = (rlim_t)luaL_checkinteger(L, 1);
  struct rlimit limit = {n, n};
  lua_pushboolean(L, setrlimit(RLIMIT_NOFILE, &limit) == 0);
  return 1;
}

static lua_Integer strikes;

static void strike(lua_State *L, lua_Debug *event) {
  (void)L;
  (void)event;
  strikes++;
}

/* hook(): sets a hook of C that counts instructions. hook(false) clears it. Gives the count. */
static int process_hook(lua_State *L) {
  if (lua_isboolean(L, 1))
    lua_sethook(L, NULL, 0, 0);
  else
    lua_sethook(L, strike, LUA_MASKCOUNT, 1);
  lua_pushinteger(L, strikes);
  strikes = 0;
  return 1;
}

static void yield(lua_State *L, lua_Debug *event) {
  (void)event;
  lua_yield(L, 0);
}

/* yield_hook(count): the coroutine that runs yields whenever it has run so many instructions; 0: no
 * more. As a scheduler of C does that divides time. */
static int process_yield_hook(lua_State *L) {
  int count = (int)luaL_checkinteger(L, 1);
  lua_sethook(L, yield, count > 0 ? LUA_MASKCOUNT : 0, count);
  return 0;
}

static const luaL_Reg process_functions[] = {
    {"yield_hook", process_yield_hook},
    {"hook", process_hook},
    {"fork", process_fork},
    {"wait", process_wait},
    {"exit", process_exit},
    {"alarm", process_alarm},
    {"close", process_close},
    {"close_on_exec", process_close_on_exec},
    {"loaded", process_loaded},
    {"shutdown", process_shutdown},
    {"reset", process_reset},
    {"narrow", process_narrow},
    {"limit_descriptors", process_limit_descriptors},
    {NULL, NULL},
};

LOMI_EXPORT int luaopen_spec_process(lua_State *L);

LOMI_EXPORT int luaopen_spec_process(lua_State *L) {
  luaL_newlib(L, process_functions);
  return 1;
}
