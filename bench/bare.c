/* SPDX-License-Identifier: MIT */
/* The least a C program can do to make a charge: one easy handle, the same bytes every time, the
 * reply thrown away. What `make bench` holds the library against.
 *
 * bare URL BODY COUNT [HEADER…]: prints the CPU seconds of COUNT charges, after a few to warm up.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static size_t discard(char *bytes, size_t size, size_t count, void *arg) {
  (void)bytes;
  (void)arg;
  return size * count;
}

static double cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc < 4)
    return fprintf(stderr, "usage: bare URL BODY COUNT [HEADER...]\n"), 2;
  struct curl_slist *headers = NULL;
  for (int i = 4; i < argc; i++)
    headers = curl_slist_append(headers, argv[i]);
  headers = curl_slist_append(headers, "Expect:");
  CURL *easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, argv[2]);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
  enum { WARM_UP = 100 };
  long count = strtol(argv[3], NULL, 10), status = 0;
  double start = 0;
  for (long i = -WARM_UP; i < count; i++) {
    if (i == 0)
      start = cpu();
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 201)
      return fprintf(stderr, "bare: %s, status %ld\n", curl_easy_strerror(code), status), 1;
  }
  printf("%.9f\n", cpu() - start);
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  return 0;
}
