/* SPDX-License-Identifier: MIT */
/* The least a C program can do to make a charge: one easy handle, the same bytes every time, the
 * reply kept in a buffer and not looked at. `make bench` and `make instructions` compare the
 * library with it.
 *
 * bare CA_FILE URL BODY [HEADER...]: says "ready" after some charges to warm up; then for each line
 * of its input, a count, makes so many charges and prints the CPU seconds they took. CA_FILE is
 * empty for plain HTTP.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_UP = 500 };

static struct {
  char bytes[65536];
  size_t length;
} reply;

static size_t keep(char *bytes, size_t size, size_t count, void *arg) {
  (void)arg;
  size_t length = size * count;
  if (length > sizeof reply.bytes - reply.length)
    return 0;
  memcpy(reply.bytes + reply.length, bytes, length);
  reply.length += length;
  return length;
}

static void charge(CURL *easy, long count) {
  for (long i = 0; i < count; i++) {
    long status = 0;
    reply.length = 0;
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 201) {
      fprintf(stderr, "bare: %s, status %ld\n", curl_easy_strerror(code), status);
      exit(1);
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 4)
    return fprintf(stderr, "usage: bare CA_FILE URL BODY [HEADER...]\n"), 2;
  struct curl_slist *headers = NULL;
  for (int i = 4; i < argc; i++)
    headers = curl_slist_append(headers, argv[i]);
  headers = curl_slist_append(headers, "Expect:");
  CURL *easy = curl_easy_init();
  if (argv[1][0] != '\0')
    curl_easy_setopt(easy, CURLOPT_CAINFO, argv[1]);
  curl_easy_setopt(easy, CURLOPT_URL, argv[2]);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, argv[3]);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
  setvbuf(stdout, NULL, _IOLBF, 0);
  charge(easy, WARM_UP);
  puts("ready");
  char line[32];
  while (fgets(line, sizeof line, stdin) != NULL) {
    clock_t start = clock();
    charge(easy, strtol(line, NULL, 10));
    printf("%.6f\n", (double)(clock() - start) / CLOCKS_PER_SEC);
  }
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  return 0;
}
