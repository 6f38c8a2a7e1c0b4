/* SPDX-License-Identifier: MIT */
/* Which lines of our Lua run, in every state of the process: for `make coverage`. At exit they are
 * added, as "file:line", to a file of this process in the directory LOMI_LINES. */
#include "host.h"

#include "../src/compat.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES = 256, NAME = 128, LINES = 2048 };

/* Open addressing, by the file's name. */
static struct file {
  char name[NAME];
  unsigned char ran[LINES];
} files[FILES];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct file *file_of(const char *name) {
  uint32_t hash = 2166136261u;
  for (const char *c = name; *c != '\0'; c++)
    hash = (hash ^ (unsigned char)*c) * 16777619u;
  for (uint32_t i = 0; i < FILES; i++) {
    struct file *file = &files[(hash + i) % FILES];
    if (file->name[0] == '\0')
      snprintf(file->name, NAME, "%s", name);
    if (strcmp(file->name, name) == 0)
      return file;
  }
  return NULL;
}

static void on_line(lua_State *L, lua_Debug *at) {
  lua_getinfo(L, "S", at);
  const char *ours = at->source[0] == '@' ? strstr(at->source, "lua/lomi") : NULL;
  if (ours == NULL || strlen(ours) >= NAME || at->currentline <= 0 || at->currentline >= LINES)
    return;
  pthread_mutex_lock(&mutex);
  struct file *file = file_of(ours);
  if (file != NULL)
    file->ran[at->currentline] = 1;
  pthread_mutex_unlock(&mutex);
}

static void write_out(void) {
  const char *directory = getenv("LOMI_LINES");
  char path[4096];
  snprintf(path, sizeof path, "%s/%ld", directory != NULL ? directory : ".", (long)getpid());
  FILE *out = fopen(path, "a");
  if (out == NULL)
    return;
  for (const struct file *file = files; file < files + FILES; file++)
    for (int line = 0; line < LINES; line++)
      if (file->ran[line])
        fprintf(out, "%s:%d\n", file->name, line);
  if (fclose(out) != 0)
    perror(path);
}

__attribute__((constructor)) static void start(void) {
  if (atexit(write_out) != 0)
    abort();
}

void host_watch(lua_State *L) {
#if LUA_VERSION_NUM == 501
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF); /* compiled code calls no hook */
#endif
  lua_sethook(L, on_line, LUA_MASKLINE, 0);
}

/* debug.sethook, which specs use: ours is back when theirs is gone. */
static int lines_sethook(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 0);
  if (lua_gethook(L) == NULL)
    host_watch(L);
  return 0;
}

void host_rewatch(lua_State *L) {
  lua_getglobal(L, "debug");
  lua_getfield(L, -1, "sethook");
  lua_pushcclosure(L, lines_sethook, 1);
  lua_setfield(L, -2, "sethook");
  lua_pop(L, 1);
}
