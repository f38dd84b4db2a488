/*
 * An app-server that says what the benchmark needs, and nothing else: never the slow side of a measurement.
 *
 * Arguments are `key=value`:
 *   deltas    agent message deltas, over all turns together
 *   size      bytes of text in one delta
 *   turns     turns that have to be started before the deltas begin; they take turns then
 *   approvals approval requests, one after the other, when the first turn has started
 *   report    a file that gets the median time from such a request to its answer, in nanoseconds
 *   reverse   requests of `model/list` that are held until there are so many, and then answered last one first
 *   jsonrpc   1: say `"jsonrpc":"2.0"` in each message
 *   exec      1: behave like `codex exec --experimental-json` instead: one turn on stdout, then the end
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *report = NULL;
static long deltas = 0, size = 10, turns = 1, approvals = 0, reverse = 0, jsonrpc = 0, exec_mode = 0;

static const char *head(void) { return jsonrpc ? "{\"jsonrpc\":\"2.0\"," : "{"; }

/* Output is collected and written in large pieces. */
static char *out;
static size_t out_length = 0, out_capacity = 1 << 20;

static void flush_out(void) {
  size_t written = 0;
  while (written < out_length) {
    ssize_t n = write(1, out + written, out_length - written);
    if (n <= 0) exit(0);
    written += (size_t)n;
  }
  out_length = 0;
}

static void put(const char *text, size_t length) {
  if (out_length + length > out_capacity) flush_out();
  if (length > out_capacity) {
    out_capacity = length * 2;
    out = realloc(out, out_capacity);
  }
  memcpy(out + out_length, text, length);
  out_length += length;
}

static void say(const char *format, ...) {
  static char line[16384];
  va_list arguments;
  __builtin_va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  __builtin_va_end(arguments);
  put(line, (size_t)length);
}

static double now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

#define THREAD "00000000-0000-7000-8000-%012ld"
#define TURN "00000000-0000-7000-9000-%012ld"

static long threads = 0, started = 0;
static long *running; /* the threads of the turns that were started */

static void reply_thread(const char *id) {
  threads++;
  say("%s\"id\":%s,\"result\":{\"approvalPolicy\":\"never\",\"approvalsReviewer\":\"user\",\"cwd\":\"/\",\"model\":\"bench\","
      "\"modelProvider\":\"bench\",\"sandbox\":{\"type\":\"readOnly\"},\"thread\":{\"id\":\"" THREAD "\",\"sessionId\":\"" THREAD
      "\",\"cliVersion\":\"0.169.0\",\"createdAt\":0,\"updatedAt\":0,\"cwd\":\"/\",\"ephemeral\":false,"
      "\"modelProvider\":\"bench\",\"preview\":\"\",\"projectId\":null,\"source\":\"appServer\","
      "\"status\":{\"type\":\"idle\"},\"turns\":[]}}}\n",
      head(), id, threads, threads);
}

static void say_turn(long turn, const char *status) {
  say("{\"id\":\"" TURN "\",\"rootTurnId\":\"" TURN "\",\"items\":[],\"itemsView\":\"notLoaded\",\"status\":\"%s\",\"error\":null}",
      turn, turn, status);
}

static void complete_turns(void) {
  for (long turn = 1; turn <= started; turn++) {
    say("%s\"method\":\"turn/completed\",\"params\":{\"threadId\":\"" THREAD "\",\"turn\":", head(), running[turn]);
    say_turn(turn, "completed");
    say("},\"emittedAtMs\":1795432922394}\n");
  }
  started = 0;
}

static void burst(void) {
  /* The text counts, so that a client can tell whether something is missing. */
  char *text = malloc((size_t)size + 1);
  memset(text, 'x', (size_t)size);
  text[size] = 0;
  char *line = malloc((size_t)size + 512);
  for (long n = 0; n < deltas; n++) {
    long turn = n % started + 1;
    int length = sprintf(line,
        "%s\"method\":\"item/agentMessage/delta\",\"params\":{\"threadId\":\"" THREAD "\",\"turnId\":\"" TURN
        "\",\"itemId\":\"msg_0000000000\",\"delta\":\"%s\"},\"emittedAtMs\":1795432922394}\n",
        head(), running[turn], turn, text);
    put(line, (size_t)length);
  }
  free(line);
  free(text);
}

static long asked = 0;
static double asked_at, *took;

static void ask(void) {
  asked++;
  say("%s\"id\":%ld,\"method\":\"item/commandExecution/requestApproval\",\"params\":{\"threadId\":\"" THREAD "\",\"turnId\":\"" TURN
      "\",\"itemId\":\"item_%ld\",\"startedAtMs\":0,\"command\":\"/bin/bash -lc true\",\"cwd\":\"/\","
      "\"availableDecisions\":[\"accept\",\"decline\",\"cancel\"]}}\n",
      head(), 1000000 + asked, running[1], 1L, asked);
  flush_out();
  asked_at = now_ns();
}

static void answered(void) {
  took[asked - 1] = now_ns() - asked_at;
  if (asked < approvals) return ask();
  qsort(took, (size_t)approvals, sizeof *took, by_value);
  FILE *file = report == NULL ? NULL : fopen(report, "w");
  if (file != NULL) {
    fprintf(file, "%.0f", took[approvals / 2]);
    fclose(file);
  }
  asked = 0;
  complete_turns();
}

static char (*held)[32];
static long holding = 0;

static void on_line(char *line) {
  char *method = strstr(line, "\"method\":\"");
  char *id = strstr(line, "\"id\":");
  if (method == NULL) {
    if (approvals > 0 && asked > 0) answered();
    return;
  }
  if (id == NULL) return;
  method += 10;
  char name[64], number[32];
  sscanf(method, "%63[^\"]", name);
  sscanf(id + 5, "%31[^,}]", number);
  if (strcmp(name, "initialize") == 0) {
    say("%s\"id\":%s,\"result\":{\"userAgent\":\"bench/0.169.0\",\"codexHome\":\"/\",\"platformFamily\":\"unix\",\"platformOs\":\"linux\"}}\n",
        head(), number);
  } else if (strcmp(name, "thread/start") == 0) {
    reply_thread(number);
  } else if (strcmp(name, "account/read") == 0) {
    say("%s\"id\":%s,\"result\":{\"account\":null,\"requiresOpenaiAuth\":false}}\n", head(), number);
  } else if (strcmp(name, "turn/start") == 0) {
    char *thread = strstr(line, "\"threadId\":\"");
    running[++started] = thread == NULL ? 1 : atol(thread + 12 + 24);
    say("%s\"id\":%s,\"result\":{\"turn\":", head(), number);
    say_turn(started, "inProgress");
    say("}}\n");
    if (started < turns) return;
    if (approvals > 0) return ask();
    burst();
    complete_turns();
  } else if (strcmp(name, "model/list") == 0 && reverse > 0) {
    strcpy(held[holding++], number);
    if (holding < reverse) return;
    while (holding > 0) say("%s\"id\":%s,\"result\":{\"data\":[],\"nextCursor\":null}}\n", head(), held[--holding]);
  } else if (strcmp(name, "model/list") == 0 || strcmp(name, "thread/loaded/list") == 0) {
    say("%s\"id\":%s,\"result\":{\"data\":[],\"nextCursor\":null}}\n", head(), number);
  } else {
    say("%s\"id\":%s,\"result\":{}}\n", head(), number);
  }
}

static void exec_turn(void) {
  say("{\"type\":\"thread.started\",\"thread_id\":\"" THREAD "\"}\n{\"type\":\"turn.started\"}\n", 1L);
  /* This mode has no deltas: an item that is updated comes nearest. */
  for (long n = 0; n < deltas; n++) {
    say("{\"type\":\"item.updated\",\"item\":{\"id\":\"item_0\",\"type\":\"agent_message\",\"text\":\"%.*s\"}}\n", (int)(size + 130),
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
  }
  say("{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":1,\"cached_input_tokens\":0,\"output_tokens\":1}}\n");
  flush_out();
}

int main(int count, char **arguments) {
  for (int i = 1; i < count; i++) {
    char *value = strchr(arguments[i], '=');
    if (value == NULL) continue;
    *value++ = 0;
    if (strcmp(arguments[i], "report") == 0) report = value;
    const struct { const char *name; long *to; } known[] = {
        {"deltas", &deltas}, {"size", &size}, {"turns", &turns}, {"approvals", &approvals},
        {"reverse", &reverse}, {"jsonrpc", &jsonrpc}, {"exec", &exec_mode}};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
      if (strcmp(arguments[i], known[k].name) == 0) *known[k].to = atol(value);
  }
  out = malloc(out_capacity);
  running = calloc((size_t)turns + 2, sizeof *running);
  took = calloc((size_t)approvals + 1, sizeof *took);
  held = calloc((size_t)reverse + 1, sizeof *held);
  if (exec_mode) {
    exec_turn();
    return 0;
  }
  static char input[1 << 16];
  char *line = malloc(1 << 24);
  size_t length = 0;
  for (;;) {
    ssize_t n = read(0, input, sizeof input);
    if (n <= 0) return 0;
    for (ssize_t i = 0; i < n; i++) {
      if (input[i] != '\n') {
        line[length++] = input[i];
        continue;
      }
      line[length] = 0;
      on_line(line);
      length = 0;
    }
    flush_out();
  }
}
