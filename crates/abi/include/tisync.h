/*
 * Ti.Sync as a C library: engine, store and connectors behind nine functions, driven by their host.
 *
 * docs/ABI.md has commands, answers and the form of statements. Link libtisync_abi.a, or the shared library.
 * One thread at a time uses a handle.
 */
#ifndef TISYNC_H
#define TISYNC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface; see tisync_version(). */
#define TISYNC_VERSION 1

/* What the host's function is called for. */
enum {
    /* A statement: request and reply are binary. */
    TISYNC_CALL_SQL = 0,
    /* A document for the app's migrate function: request and reply are JSON. */
    TISYNC_CALL_MIGRATE = 1
};

/* What tisync_call() returns. */
enum {
    /* The command succeeded. */
    TISYNC_OK = 0,
    /* It failed, and nothing has changed: the answer says why. */
    TISYNC_ERROR = 1,
    /* The core is broken: free it and make another one. */
    TISYNC_BROKEN = 2
};

/* One core, which holds one replica. */
typedef struct tisync_handle tisync_handle;

/*
 * The host's function, called while a command is carried out. It puts its reply into the memory of tisync_reply() and
 * returns 0, or something else when it cannot reply. It uses no other function of this library.
 */
typedef int32_t (*tisync_host)(void *context, tisync_handle *handle, int32_t call, const uint8_t *request, size_t bytes);

/* The version of the library. */
uint32_t tisync_version(void);

/* Makes a core. The host's function stays callable with `context` until the core is freed. */
tisync_handle *tisync_new(tisync_host host, void *context);

/* Frees a core. What was written is in the database. */
void tisync_free(tisync_handle *handle);

/* Gives memory for a command and what comes behind it, valid until the next call of this function. */
uint8_t *tisync_input(tisync_handle *handle, size_t bytes);

/*
 * Carries out the command in that memory, of which the first `json_bytes` are JSON. Times are milliseconds: since 1970,
 * and of a clock that never goes back.
 */
int32_t tisync_call(tisync_handle *handle, size_t json_bytes, double wall_ms, double monotonic_ms);

/* Where the answer to the last call is, valid until the next one: JSON, and behind it the bodies of requests. */
const uint8_t *tisync_answer(const tisync_handle *handle);
size_t tisync_answer_bytes(const tisync_handle *handle);
size_t tisync_answer_json_bytes(const tisync_handle *handle);

/* Inside the host's function: gives memory for its reply. */
uint8_t *tisync_reply(tisync_handle *handle, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
