/* SPDX-License-Identifier: MIT */
/* The least a C program can do to make a charge: one easy handle, the same bytes every time, the
 * reply thrown away. What `make bench` holds the library against.
 *
 * bare URL BODY [HEADER...]: says "ready" after some charges to warm up; then for each line
 * of its input, a count, makes so many charges and prints the CPU seconds they took.
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

static void charge(CURL *easy, long count) {
  for (long i = 0; i < count; i++) {
    long status = 0;
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 201) {
      fprintf(stderr, "bare: %s, status %ld\n", curl_easy_strerror(code), status);
      exit(1);
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 3)
    return fprintf(stderr, "usage: bare URL BODY [HEADER...]\n"), 2;
  struct curl_slist *headers = NULL;
  for (int i = 3; i < argc; i++)
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
  setvbuf(stdout, NULL, _IOLBF, 0);
  charge(easy, 1000);
  puts("ready");
  char line[32];
  while (fgets(line, sizeof line, stdin) != NULL) {
    double start = cpu();
    charge(easy, strtol(line, NULL, 10));
    printf("%.9f\n", cpu() - start);
  }
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  return 0;
}
