#include "host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads a request. */
typedef struct {
    const uint8_t *at;
} reader;

static uint32_t number(reader *from)
{
    uint32_t value = (uint32_t)from->at[0] | (uint32_t)from->at[1] << 8 | (uint32_t)from->at[2] << 16 | (uint32_t)from->at[3] << 24;
    from->at += 4;
    return value;
}

static uint64_t wide(reader *from)
{
    uint64_t low = number(from);
    return low | (uint64_t)number(from) << 32;
}

/* Writes a reply. */
typedef struct {
    uint8_t *bytes;
    size_t size, room;
} writer;

static void put(writer *to, const void *bytes, size_t size)
{
    if (to->size + size > to->room) {
        to->room = 2 * (to->size + size);
        to->bytes = realloc(to->bytes, to->room);
        if (!to->bytes) abort();
    }
    if (size) memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static void put_byte(writer *to, uint8_t byte)
{
    put(to, &byte, 1);
}

static void put_number(writer *to, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    put(to, bytes, 4);
}

static void put_wide(writer *to, uint64_t value)
{
    put_number(to, (uint32_t)value);
    put_number(to, (uint32_t)(value >> 32));
}

static void put_text(writer *to, const char *text, size_t size)
{
    put_number(to, (uint32_t)size);
    put(to, text, size);
}

static void bind(sqlite3_stmt *statement, int place, reader *from)
{
    uint64_t bits;
    double real;
    uint32_t size;
    switch (*from->at++) {
    case 0:
        sqlite3_bind_null(statement, place);
        break;
    case 1:
        sqlite3_bind_int64(statement, place, (sqlite3_int64)wide(from));
        break;
    case 2:
        bits = wide(from);
        memcpy(&real, &bits, sizeof real);
        sqlite3_bind_double(statement, place, real);
        break;
    default:
        size = number(from);
        sqlite3_bind_text(statement, place, (const char *)from->at, (int)size, SQLITE_TRANSIENT);
        from->at += size;
    }
}

static void put_column(writer *to, sqlite3_stmt *statement, int column)
{
    double real;
    uint64_t bits;
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        put_byte(to, 1);
        put_wide(to, (uint64_t)sqlite3_column_int64(statement, column));
        break;
    case SQLITE_FLOAT:
        put_byte(to, 2);
        real = sqlite3_column_double(statement, column);
        memcpy(&bits, &real, sizeof bits);
        put_wide(to, bits);
        break;
    case SQLITE_TEXT:
        put_byte(to, 3);
        put_text(to, (const char *)sqlite3_column_text(statement, column), (size_t)sqlite3_column_bytes(statement, column));
        break;
    default:
        put_byte(to, 0);
    }
}

/* Runs a statement once; its rows go to `out`, if there is one. */
static int run(sqlite3_stmt *statement, uint32_t width, reader *from, writer *out)
{
    writer rows = {0};
    uint32_t count = 0, i;
    int code, columns = sqlite3_column_count(statement), column;
    for (i = 0; i < width; i++) bind(statement, (int)i + 1, from);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        count++;
        for (column = 0; column < columns; column++) put_column(&rows, statement, column);
    }
    sqlite3_reset(statement);
    if (out && code == SQLITE_DONE) {
        put_number(out, count);
        put_number(out, (uint32_t)columns);
        put(out, rows.bytes, rows.size);
    }
    free(rows.bytes);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

void host_forget(host *self)
{
    int i;
    for (i = 0; i < STATEMENTS_MAX; i++) {
        sqlite3_finalize(self->statements[i]);
        self->statements[i] = NULL;
    }
}

/* Carries out a request; the reply is what comes behind its status. */
static int answer(host *self, const uint8_t *request, writer *out)
{
    reader from = {request};
    uint8_t operation = *from.at++;
    uint32_t place = number(&from), size = number(&from), width, runs, i;
    char *sql = calloc(size + 1, 1);
    sqlite3_stmt *statement = NULL;
    int code = SQLITE_OK;
    if (!sql || place >= STATEMENTS_MAX) abort();
    memcpy(sql, from.at, size);
    from.at += size;
    width = number(&from);
    runs = number(&from);
    if (operation == 4) {
        host_forget(self);
    } else if (operation == 0) {
        code = sqlite3_exec(self->database, sql, NULL, NULL, NULL);
    } else {
        if (size) {
            sqlite3_finalize(self->statements[place]);
            self->statements[place] = NULL;
            code = sqlite3_prepare_v2(self->database, sql, -1, &self->statements[place], NULL);
        }
        statement = self->statements[place];
    }
    free(sql);
    if (!statement) return code;
    if (operation == 3) {
        put_number(out, (uint32_t)sqlite3_column_count(statement));
        for (i = 0; i < (uint32_t)sqlite3_column_count(statement); i++) {
            const char *name = sqlite3_column_name(statement, (int)i);
            put_text(out, name, strlen(name));
        }
    }
    if (operation != 1) put_number(out, runs);
    sqlite3_int64 before = sqlite3_total_changes64(self->database);
    for (i = 0; i < runs && code == SQLITE_OK; i++) code = run(statement, width, &from, operation == 1 ? NULL : out);
    if (operation == 1) put_number(out, (uint32_t)(sqlite3_total_changes64(self->database) - before));
    return code;
}

/* The kind of an error, as the core has it. */
static uint8_t kind(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return 0;
    case SQLITE_FULL:
        return 1;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return 3;
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_READONLY:
        return 4;
    default:
        return 2;
    }
}

int32_t host_call(void *context, tisync_handle *handle, int32_t call, const uint8_t *request, size_t bytes)
{
    host *self = context;
    writer out = {0};
    int code;
    (void)bytes;
    if (call != TISYNC_CALL_SQL) return 1;
    put_byte(&out, 0);
    code = answer(self, request, &out);
    if (code != SQLITE_OK) {
        const char *message = sqlite3_errmsg(self->database);
        out.size = 0;
        put_byte(&out, 1);
        put_byte(&out, kind(code));
        put(&out, message, strlen(message));
    }
    memcpy(tisync_reply(handle, out.size), out.bytes, out.size);
    free(out.bytes);
    return 0;
}

char *command(tisync_handle *handle, const char *json, const char *body, int32_t expected)
{
    /* The test's own time: it moves with each command. */
    static double now = 1000.0;
    size_t json_bytes = strlen(json), body_bytes = body ? strlen(body) : 0, size;
    uint8_t *input = tisync_input(handle, json_bytes + body_bytes);
    int32_t code;
    char *text;
    memcpy(input, json, json_bytes);
    if (body_bytes) memcpy(input + json_bytes, body, body_bytes);
    now += 1.0;
    code = tisync_call(handle, json_bytes, 1.7e12 + now, now);
    if (code == TISYNC_BROKEN) abort();
    size = tisync_answer_bytes(handle);
    text = calloc(size + 1, 1);
    if (!text) abort();
    memcpy(text, tisync_answer(handle), size);
    if (code != expected) {
        fprintf(stderr, "expected %d of %s, but %d came: %s\n", expected, json, code, text);
        exit(1);
    }
    return text;
}

void expect(const char *text, const char *expected)
{
    if (strstr(text, expected)) return;
    fprintf(stderr, "expected %s in %s\n", expected, text);
    exit(1);
}
