/*
 * Plays the server's side of a benchmark, fast enough never to be what is measured.
 *
 *   server app-server   the app-server protocol, one JSON message a line
 *   server acp          the Agent Client Protocol with the same turns
 *   server exec         one turn as events of `codex exec --experimental-json`, with the prompt read from standard input
 *
 * The first one is also what any other first argument means. What a turn does is said by its prompt, in words `name=number`:
 *
 *   deltas=N      so many deltas of the agent's message (default 1)
 *   bytes=N       the length of each delta's line, its line break included (default 220)
 *   approvals=N   after the deltas, so many approvals of a command, one after the other
 *   turns=N       begin when so many turns have started, and send their deltas in turn, one each (default 1)
 *
 * Replies and deltas share one queue to a pipe that is never waited for, so a request is answered in the middle of a burst.
 * The message that ends a turn says how long approvals took and how many were accepted: "p50_ns=… p99_ns=… accepted=…",
 * from the write of the request to the read of its answer. What is no result is no answer.
 *
 * Two requests wait: `turn/steer` until the deltas of its turn are out, and `model/list` with the cursor "reverse:N" until N
 * of them have come, which are then answered last one first.
 *
 * It reads until its input ends, checks nothing, and keeps nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HIGH_WATER = 256 * 1024 };

static int acp; /* whether the Agent Client Protocol is spoken */

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void *grow(void *memory, size_t size) {
  void *grown = realloc(memory, size);
  if (grown == NULL) die("realloc");
  return grown;
}

/* ---- text that grows at its end and is taken from its beginning ---- */

struct text {
  char *data;
  size_t begin, end, room;
};

static struct text in, out;

static char *reserve(struct text *t, size_t length) {
  if (t->begin > 0 && t->room - t->end < length) {
    memmove(t->data, t->data + t->begin, t->end - t->begin);
    t->end -= t->begin;
    t->begin = 0;
  }
  if (t->room - t->end < length) {
    t->room = (t->end + length) * 2;
    t->data = grow(t->data, t->room);
  }
  return t->data + t->end;
}

static void append(struct text *t, const char *data, size_t length) {
  memcpy(reserve(t, length), data, length);
  t->end += length;
}

/* One message; its line break is added. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, args);
  vsnprintf(reserve(&out, (size_t)length + 1), (size_t)length + 1, format, again);
  va_end(args);
  va_end(again);
  out.end += (size_t)length;
  append(&out, "\n", 1);
}

/* ---- just enough JSON to find a member of an object ---- */

struct span {
  const char *begin, *end;
};

static const char *skip_string(const char *p, const char *end) {
  for (p++; p < end && *p != '"'; p++)
    if (*p == '\\') p++;
  return p < end ? p + 1 : end;
}

static const char *skip_value(const char *p, const char *end) {
  int depth = 0;
  while (p < end) {
    if (*p == '"') p = skip_string(p, end);
    else if (*p == '{' || *p == '[') depth++, p++;
    else if (*p == '}' || *p == ']') {
      if (depth == 0) return p;
      depth--, p++;
    } else if (*p == ',' && depth == 0) return p;
    else p++;
    if (depth == 0 && p < end && (*p == ',' || *p == '}' || *p == ']')) return p;
  }
  return end;
}

static struct span member(struct span object, const char *name) {
  struct span none = {NULL, NULL};
  size_t length = strlen(name);
  const char *p = object.begin;
  if (p == NULL || p == object.end || *p != '{') return none;
  for (p++; p < object.end && *p == '"';) {
    const char *key = p + 1;
    p = skip_string(p, object.end);
    int found = (size_t)(p - 1 - key) == length && memcmp(key, name, length) == 0;
    if (p < object.end && *p == ':') p++;
    const char *value = p;
    p = skip_value(p, object.end);
    if (found) return (struct span){value, p};
    if (p < object.end && *p == ',') p++;
  }
  return none;
}

/* The inside of a string; what is escaped stays escaped. */
static struct span inside(struct span string) {
  if (string.begin == NULL || string.end - string.begin < 2 || *string.begin != '"') return (struct span){"", ""};
  return (struct span){string.begin + 1, string.end - 1};
}

static int equals(struct span span, const char *text) {
  size_t length = strlen(text);
  return (size_t)(span.end - span.begin) == length && memcmp(span.begin, text, length) == 0;
}

/* The number behind `name` in words like `name=12`. */
static long number(struct span words, const char *name, long otherwise) {
  size_t length = strlen(name);
  for (const char *p = words.begin; p + length < words.end; p++)
    if (memcmp(p, name, length) == 0) return strtol(p + length, NULL, 10);
  return otherwise;
}

/* ---- turns ---- */

struct turn {
  int number; /* from 1; names the thread, the turn and its items */
  int waiting, running;
  long deltas, approvals, total, accepted;
  int64_t *took;    /* nanoseconds of each approval */
  int64_t asked_at; /* 0: no approval is open */
  long request;     /* the id of the open approval */
  char *line;       /* a delta as it is written */
  size_t length;
  char *prompt_id; /* ACP: the request that the end of the turn answers */
  char *steer_id;  /* the request that waits for the end of the deltas */
};

static struct turn **turns, **running;
static int threads, running_count;
static long waiting, next_request;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#define THREAD "00000000-0000-7000-8000-%012d"
#define TURN "00000000-0000-7000-9000-%012d"
#define ABOUT "\"threadId\":\"" THREAD "\",\"turnId\":\"" TURN "\""
#define AT "\"emittedAtMs\":1767225600000"

static struct turn *new_thread(void) {
  turns = grow(turns, sizeof *turns * (size_t)(threads + 1));
  struct turn *t = calloc(1, sizeof *t);
  if (t == NULL) die("calloc");
  t->number = threads + 1;
  turns[threads++] = t;
  return t;
}

static struct turn *find(struct span id) {
  id = inside(id);
  if (id.end - id.begin != 36) return NULL;
  long number = strtol(id.end - 12, NULL, 10);
  return number >= 1 && number <= threads ? turns[number - 1] : NULL;
}

static char *copy(struct span span) {
  size_t length = (size_t)(span.end - span.begin);
  char *text = grow(NULL, length + 1);
  memcpy(text, span.begin, length);
  text[length] = 0;
  return text;
}

/* A delta of exactly this many bytes, if the envelope leaves room for that. */
static void make_line(struct turn *t, long bytes, int exec) {
  char head[512], tail[64];
  int n = t->number;
  if (exec) {
    snprintf(head, sizeof head, "{\"type\":\"item.updated\",\"item\":{\"id\":\"item_1\",\"type\":\"agent_message\",\"text\":\"");
    snprintf(tail, sizeof tail, "\"}}\n");
  } else if (acp) {
    snprintf(head, sizeof head,
             "{\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"sessionId\":\"" THREAD "\",\"update\":{"
             "\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"type\":\"text\",\"text\":\"",
             n);
    snprintf(tail, sizeof tail, "\"}}}}\n");
  } else {
    snprintf(head, sizeof head,
             "{\"method\":\"item/agentMessage/delta\",\"params\":{" ABOUT ",\"itemId\":\"msg_%06d\",\"delta\":\"", n, n, n);
    snprintf(tail, sizeof tail, "\"}," AT "}\n");
  }
  size_t around = strlen(head) + strlen(tail);
  size_t text = (size_t)bytes > around ? (size_t)bytes - around : 1;
  t->length = around + text;
  t->line = grow(t->line, t->length + 1);
  char *p = stpcpy(t->line, head);
  for (size_t i = 0; i < text; i++) *p++ = i % 8 == 7 ? ' ' : (char)('a' + i % 8);
  strcpy(p, tail);
}

static void plan(struct turn *t, struct span prompt, int exec) {
  t->deltas = number(prompt, "deltas=", 1);
  t->approvals = t->total = number(prompt, "approvals=", 0);
  t->accepted = 0;
  t->took = grow(t->took, sizeof *t->took * (size_t)(t->total + 1));
  t->asked_at = 0;
  t->waiting = 1;
  make_line(t, number(prompt, "bytes=", 220), exec);
  if (++waiting < number(prompt, "turns=", 1)) return;
  waiting = 0;
  running = grow(running, sizeof *running * (size_t)threads);
  for (int i = 0; i < threads; i++) {
    if (!turns[i]->waiting) continue;
    turns[i]->waiting = 0;
    turns[i]->running = 1;
    running[running_count++] = turns[i];
  }
}

static void leave(struct turn *t) {
  for (int i = 0; i < running_count; i++)
    if (running[i] == t) running[i] = running[--running_count];
  t->running = 0;
}

static int by_size(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static void summarize(struct turn *t, char *text, size_t room) {
  if (t->total == 0) {
    snprintf(text, room, "done");
    return;
  }
  qsort(t->took, (size_t)t->total, sizeof *t->took, by_size);
  snprintf(text, room, "p50_ns=%lld p99_ns=%lld accepted=%ld", (long long)t->took[t->total / 2],
           (long long)t->took[t->total * 99 / 100], t->accepted);
}

static void ask(struct turn *t) {
  int n = t->number;
  long item = t->total - t->approvals;
  t->request = next_request++;
  if (acp)
    say("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"session/request_permission\",\"params\":{\"sessionId\":\"" THREAD "\","
        "\"toolCall\":{\"toolCallId\":\"call_%ld\",\"title\":\"ls\"},\"options\":[{\"optionId\":\"allow\",\"name\":\"Allow\",\"kind\":\"allow_once\"}]}}",
        t->request, n, item);
  else {
    say("{\"method\":\"item/started\",\"params\":{" ABOUT ",\"startedAtMs\":0,\"item\":{\"type\":\"commandExecution\",\"id\":\"call_%ld\","
        "\"command\":\"/bin/bash -lc ls\",\"cwd\":\"/\",\"commandActions\":[],\"status\":\"inProgress\"}}," AT "}",
        n, n, item);
    say("{\"id\":%ld,\"method\":\"item/commandExecution/requestApproval\",\"params\":{" ABOUT ",\"itemId\":\"call_%ld\",\"startedAtMs\":0,"
        "\"kind\":\"command\",\"command\":\"/bin/bash -lc ls\",\"cwd\":\"/\",\"commandActions\":[],\"availableDecisions\":[\"accept\",\"cancel\"]}}",
        t->request, n, n, item);
  }
  t->asked_at = now();
}

static int accepts(struct span result) {
  return equals(inside(member(result, "decision")), "accept") ||
         equals(inside(member(member(result, "outcome"), "optionId")), "allow");
}

static void answered(struct turn *t, struct span result) {
  int n = t->number;
  t->accepted += accepts(result);
  t->took[t->total - t->approvals] = now() - t->asked_at;
  t->asked_at = 0;
  if (!acp) {
    say("{\"method\":\"serverRequest/resolved\",\"params\":{\"threadId\":\"" THREAD "\",\"requestId\":%ld}," AT "}", n, t->request);
    say("{\"method\":\"item/completed\",\"params\":{" ABOUT ",\"completedAtMs\":0,\"item\":{\"type\":\"commandExecution\",\"id\":\"call_%ld\","
        "\"command\":\"/bin/bash -lc ls\",\"cwd\":\"/\",\"commandActions\":[],\"status\":\"completed\",\"exitCode\":0}}," AT "}",
        n, n, t->total - t->approvals);
  }
  t->approvals--;
}

#define USAGE "{\"totalTokens\":110,\"inputTokens\":100,\"cachedInputTokens\":0,\"outputTokens\":10,\"reasoningOutputTokens\":0}"

static void finish(struct turn *t, const char *status) {
  char text[128];
  int n = t->number;
  leave(t);
  summarize(t, text, sizeof text);
  if (acp) {
    say("{\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"sessionId\":\"" THREAD "\",\"update\":{"
        "\"sessionUpdate\":\"agent_thought_chunk\",\"content\":{\"type\":\"text\",\"text\":\"%s\"}}}}",
        n, text);
    say("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"stopReason\":\"end_turn\"}}", t->prompt_id);
    return;
  }
  say("{\"method\":\"item/completed\",\"params\":{" ABOUT ",\"completedAtMs\":0,\"item\":{\"type\":\"agentMessage\",\"id\":\"msg_%06d\","
      "\"text\":\"%s\"}}," AT "}",
      n, n, n, text);
  say("{\"method\":\"thread/tokenUsage/updated\",\"params\":{" ABOUT ",\"tokenUsage\":{\"total\":" USAGE ",\"last\":" USAGE "}}," AT "}", n, n);
  say("{\"method\":\"thread/status/changed\",\"params\":{\"threadId\":\"" THREAD "\",\"status\":{\"type\":\"idle\"}}," AT "}", n);
  say("{\"method\":\"turn/completed\",\"params\":{\"threadId\":\"" THREAD "\",\"turn\":{\"id\":\"" TURN "\",\"items\":[],"
      "\"itemsView\":\"notLoaded\",\"status\":\"%s\",\"error\":null,\"durationMs\":0}}," AT "}",
      n, n, status);
}

static void steered(struct turn *t) {
  say("{\"id\":%s,\"result\":{\"turnId\":\"" TURN "\"}}", t->steer_id, t->number);
  free(t->steer_id);
  t->steer_id = NULL;
}

/* Goes round the turns, one delta each, until the queue is long or there is nothing to say. */
static void work(void) {
  static int at;
  for (int idle = 0; idle < running_count && out.end - out.begin < HIGH_WATER; idle++) {
    struct turn *t = running[at = (at + 1) % running_count];
    if (t->deltas > 0) {
      append(&out, t->line, t->length);
      t->deltas--;
      idle = -1;
      continue;
    }
    if (t->steer_id != NULL) steered(t);
    if (t->asked_at != 0) continue;
    if (t->approvals > 0) ask(t);
    else finish(t, "completed");
  }
}

/* ---- requests ---- */

static char **held;
static long held_count;

static void hold(char *id, long until) {
  held = grow(held, sizeof *held * (size_t)(held_count + 1));
  held[held_count++] = id;
  if (held_count < until) return;
  while (held_count > 0) {
    say("{\"id\":%s,\"result\":{\"data\":[],\"nextCursor\":null}}", held[--held_count]);
    free(held[held_count]);
  }
}

static void thread_started(const char *id, struct turn *t) {
  say("{\"id\":%s,\"result\":{\"thread\":{\"id\":\"" THREAD "\",\"sessionId\":\"" THREAD "\",\"preview\":\"\",\"ephemeral\":false,"
      "\"modelProvider\":\"mock\",\"createdAt\":0,\"updatedAt\":0,\"status\":{\"type\":\"idle\"},\"projectId\":null,\"cwd\":\"/\","
      "\"cliVersion\":\"0.169.0\",\"source\":\"appServer\",\"turns\":[]},\"model\":\"mock-model\",\"modelProvider\":\"mock\",\"cwd\":\"/\","
      "\"approvalPolicy\":\"on-request\",\"approvalsReviewer\":\"user\",\"sandbox\":{\"type\":\"readOnly\"}}}",
      id, t->number, t->number);
}

static void turn_started(const char *id, struct turn *t) {
  int n = t->number;
  say("{\"id\":%s,\"result\":{\"turn\":{\"id\":\"" TURN "\",\"items\":[],\"itemsView\":\"notLoaded\",\"status\":\"inProgress\",\"error\":null}}}", id, n);
  say("{\"method\":\"thread/status/changed\",\"params\":{\"threadId\":\"" THREAD "\",\"status\":{\"type\":\"active\",\"activeFlags\":[]}}," AT "}", n);
  say("{\"method\":\"turn/started\",\"params\":{\"threadId\":\"" THREAD "\",\"turn\":{\"id\":\"" TURN "\",\"rootTurnId\":\"" TURN
      "\",\"items\":[],\"itemsView\":\"notLoaded\",\"status\":\"inProgress\",\"error\":null}}," AT "}",
      n, n, n);
  say("{\"method\":\"item/started\",\"params\":{" ABOUT ",\"startedAtMs\":0,\"item\":{\"type\":\"agentMessage\",\"id\":\"msg_%06d\",\"text\":\"\"}}," AT "}",
      n, n, n);
}

static struct span prompt_of(struct span params) {
  struct span list = member(params, acp ? "prompt" : "input");
  if (list.begin == NULL) return (struct span){"", ""};
  return inside(member((struct span){list.begin + 1, list.end}, "text"));
}

static void handle(struct span message) {
  struct span method = inside(member(message, "method")), params = member(message, "params"), id = member(message, "id");
  if (id.begin == NULL) return;
  if (method.begin == method.end) {
    long request = strtol(id.begin, NULL, 10);
    struct span result = member(message, "result");
    for (int i = 0; i < threads && result.begin != NULL; i++)
      if (turns[i]->asked_at != 0 && turns[i]->request == request) answered(turns[i], result);
    return;
  }
  char *reply = copy(id);
  struct turn *t = find(member(params, acp ? "sessionId" : "threadId"));
  if (equals(method, "initialize")) {
    if (acp) say("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"protocolVersion\":1,\"agentCapabilities\":{}}}", reply);
    else say("{\"id\":%s,\"result\":{\"userAgent\":\"bench/0.169.0\",\"codexHome\":\"/\",\"platformFamily\":\"unix\",\"platformOs\":\"linux\"}}", reply);
  } else if (equals(method, "account/read"))
    say("{\"id\":%s,\"result\":{\"account\":null,\"requiresOpenaiAuth\":false}}", reply);
  else if (equals(method, "session/list"))
    say("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"sessions\":[]}}", reply);
  else if (equals(method, "thread/loaded/list"))
    say("{\"id\":%s,\"result\":{\"data\":[],\"nextCursor\":null}}", reply);
  else if (equals(method, "model/list")) {
    long until = number(inside(member(params, "cursor")), "reverse:", 1);
    hold(reply, until);
    return;
  } else if (equals(method, "thread/start"))
    thread_started(reply, new_thread());
  else if (equals(method, "session/new"))
    say("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"sessionId\":\"" THREAD "\"}}", reply, new_thread()->number);
  else if (equals(method, "thread/unsubscribe"))
    say("{\"id\":%s,\"result\":{\"status\":\"unsubscribed\"}}", reply);
  else if (t == NULL)
    say("{%s\"id\":%s,\"error\":{\"code\":-32600,\"message\":\"the bench does nothing for %.*s\"}}", acp ? "\"jsonrpc\":\"2.0\"," : "", reply,
        (int)(method.end - method.begin), method.begin);
  else if (equals(method, "turn/start")) {
    turn_started(reply, t);
    plan(t, prompt_of(params), 0);
  } else if (equals(method, "session/prompt")) {
    free(t->prompt_id);
    t->prompt_id = reply;
    plan(t, prompt_of(params), 0);
    return;
  } else if (equals(method, "turn/steer")) {
    t->steer_id = reply;
    if (t->deltas == 0) steered(t);
    return;
  } else if (equals(method, "turn/interrupt")) {
    say("{\"id\":%s,\"result\":{}}", reply);
    if (t->running) finish(t, "interrupted");
  } else
    thread_started(reply, t);
  free(reply);
}

/* ---- the loop ---- */

static int read_some(void) {
  char *room = reserve(&in, 65536);
  ssize_t got = read(0, room, 65536);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return 1;
  if (got <= 0) return 0;
  in.end += (size_t)got;
  for (;;) {
    char *line = in.data + in.begin, *end = memchr(line, '\n', in.end - in.begin);
    if (end == NULL) return 1;
    handle((struct span){line, end});
    in.begin += (size_t)(end + 1 - line);
  }
}

static void write_some(void) {
  ssize_t written = write(1, out.data + out.begin, out.end - out.begin);
  if (written < 0 && errno != EAGAIN && errno != EINTR) exit(0);
  if (written > 0) out.begin += (size_t)written;
  if (out.begin == out.end) out.begin = out.end = 0;
}

static void serve(void) {
  fcntl(1, F_SETFL, fcntl(1, F_GETFL) | O_NONBLOCK);
  for (;;) {
    work();
    int busy = out.end > out.begin;
    if (busy) write_some();
    int unwritten = out.end > out.begin;
    struct pollfd fds[2] = {{0, POLLIN, 0}, {1, POLLOUT, 0}};
    if (poll(fds, unwritten ? 2 : 1, busy && !unwritten ? 0 : -1) < 0 && errno != EINTR) die("poll");
    if (fds[0].revents != 0 && !read_some()) return;
  }
}

static void exec_turn(void) {
  char prompt[4096];
  size_t length = 0;
  for (ssize_t got; length < sizeof prompt && (got = read(0, prompt + length, sizeof prompt - length)) > 0;) length += (size_t)got;
  struct turn *t = new_thread();
  plan(t, (struct span){prompt, prompt + length}, 1);
  say("{\"type\":\"thread.started\",\"thread_id\":\"" THREAD "\"}", t->number);
  say("{\"type\":\"turn.started\"}");
  while (t->deltas-- > 0) {
    append(&out, t->line, t->length);
    while (out.end - out.begin >= HIGH_WATER) write_some();
  }
  say("{\"type\":\"item.completed\",\"item\":{\"id\":\"item_1\",\"type\":\"agent_message\",\"text\":\"done\"}}");
  say("{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":100,\"cached_input_tokens\":0,\"output_tokens\":10,\"reasoning_output_tokens\":0}}");
  while (out.end > out.begin) write_some();
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "app-server";
  acp = strcmp(mode, "acp") == 0;
  if (strcmp(mode, "exec") == 0) exec_turn();
  else serve();
  return 0;
}
