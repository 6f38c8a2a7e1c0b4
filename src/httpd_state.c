/* SPDX-License-Identifier: MIT */
#include "httpd_state.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "os.h"

bool lomi_httpd_enter(lomi_httpd *s) {
  return pthread_mutex_lock(&s->mutex) == 0;
}

void lomi_httpd_leave(lomi_httpd *s) {
  double due = lomi_httpd_next_due(s);
  if (due < s->awake_at) {
    s->awake_at = due;
    lomi_httpd_wake(s);
  }
  pthread_mutex_unlock(&s->mutex);
}

double lomi_httpd_next_due(const lomi_httpd *s) {
  double due = fmin(s->step_due, s->accept_due);
  if (s->suspended.first != NULL)
    due = fmin(due, s->suspended.first->due);
  return s->awaited.first != NULL ? fmin(due, s->awaited.first->due) : due;
}

void lomi_httpd_wake(lomi_httpd *s) {
  const char byte = 0;
  while (write(s->wake[1], &byte, 1) < 0 && errno == EINTR) /* a full one wakes it, too */
    continue;
}

bool lomi_peer_run(lomi_peer *p) {
  lomi_httpd *s = p->server;
  bool replied = lomi_app_run(&s->app, &p->task);
  p->reply_time = lomi_now();
  p->phase = replied ? LOMI_PEER_REPLYING : LOMI_PEER_RUNNING;
  if (!replied)
    lomi_peer_wait(p, &s->suspended, p->reply_time + p->task.seconds);
  return replied;
}

/* Searched from the end: waits are mostly of equal length, so the newest is mostly the last. */
void lomi_peer_wait(lomi_peer *p, lomi_peer_list *list, double due) {
  lomi_peer_stop_waiting(p);
  lomi_peer *before = list->last;
  while (before != NULL && before->due > due)
    before = before->prev;
  p->list = list;
  p->due = due;
  p->prev = before;
  p->next = before != NULL ? before->next : list->first;
  *(p->prev != NULL ? &p->prev->next : &list->first) = p;
  *(p->next != NULL ? &p->next->prev : &list->last) = p;
  list->count++;
}

void lomi_peer_stop_waiting(lomi_peer *p) {
  lomi_peer_list *list = p->list;
  if (list == NULL)
    return;
  *(p->prev != NULL ? &p->prev->next : &list->first) = p->next;
  *(p->next != NULL ? &p->next->prev : &list->last) = p->prev;
  list->count--;
  p->list = NULL;
}

void lomi_peer_await(lomi_peer *p) {
  p->warned = false;
  lomi_peer_wait(p, &p->server->awaited, lomi_now() + p->server->patience);
}
