/* A host in C: statements on SQLite, and commands as texts. */
#ifndef HOST_H
#define HOST_H

#include "tisync.h"
#include <sqlite3.h>

#define STATEMENTS_MAX 1024

/* What the host keeps: its database and the statements whose numbers the core knows. */
typedef struct {
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENTS_MAX];
} host;

/* The host's function. */
int32_t host_call(void *context, tisync_handle *handle, int32_t call, const uint8_t *request, size_t bytes);

/* Forgets all statements. */
void host_forget(host *self);

/* Gives a command with a body behind it, and gives back the JSON of the answer: to be freed. Ends the program when the
 * command does not end as expected. */
char *command(tisync_handle *handle, const char *json, const char *body, int32_t expected);

/* Gives up with a message unless the text holds what is expected. */
void expect(const char *text, const char *expected);

#endif
