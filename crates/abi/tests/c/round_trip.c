/* Writes, pulls from a network that stands here, pushes, and reads, over the C library. */
#include "host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char OPEN[] =
    "{\"open\": {\"entropy\": \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
    " \"connectors\": {\"main\": {\"url\": \"http://server\"}},"
    " \"collections\": {\"notes\": {\"policy\": \"merge\", \"columns\": {\"stars\": \"integer\"}}}}}";

static const char PAGE[] =
    "{\"items\": ["
    "{\"collection\": \"notes\", \"id\": \"theirs\", \"version\": \"e1.1\", \"doc\": {\"title\": \"Gr\xc3\xbc\xc3\x9f" "e\", \"stars\": 4}},"
    "{\"collection\": \"notes\", \"id\": \"ours\", \"version\": \"e1.2\", \"doc\": {\"title\": \"Milk\", \"stars\": 2}}"
    "], \"checkpoint\": \"2\", \"more\": false, \"epochs\": [[\"e1\", 0]], \"server_time_ms\": 1700000001000}";

/* The number behind a name in an answer. */
static unsigned long after(const char *text, const char *name)
{
    const char *place = strstr(text, name);
    if (!place) {
        fprintf(stderr, "expected %s in %s\n", name, text);
        exit(1);
    }
    return strtoul(place + strlen(name), NULL, 10);
}

/* Answers a request out of the network that stands here. */
static char *respond(tisync_handle *handle, const char *asked)
{
    static char body[512], json[256];
    unsigned long id = after(asked, "\"http\":{\"id\":");
    const char *answer = PAGE;
    if (strstr(asked, "/v1/push")) {
        const char *mutation = strstr(asked, "\"mutations\":[{\"id\":\"");
        if (!mutation) abort();
        snprintf(body, sizeof body,
            "{\"epoch\": \"e1\", \"results\": [{\"id\": \"%.32s\", \"verdict\": {\"accepted\": {\"version\": \"e1.2\"}}}], \"server_time_ms\": 1700000001000}",
            mutation + strlen("\"mutations\":[{\"id\":\""));
        answer = body;
    }
    snprintf(json, sizeof json, "{\"http\": {\"id\": %lu, \"status\": 200, \"headers\": [[\"content-type\", \"application/json\"]]}}", id);
    return command(handle, json, answer, TISYNC_OK);
}

/* Syncs; gives how many requests it took. */
static int sync(tisync_handle *handle)
{
    int requests = 0, turns;
    char *answer = command(handle, "\"sync\"", NULL, TISYNC_OK);
    for (turns = 0; turns < 1000; turns++) {
        char *next;
        if (strstr(answer, "\"sync_failed\"")) {
            fprintf(stderr, "%s\n", answer);
            exit(1);
        }
        if (strstr(answer, "\"synced\"")) {
            free(answer);
            return requests;
        }
        if (strstr(answer, "\"http\":{")) {
            requests++;
            next = respond(handle, answer);
        } else {
            next = command(handle, "\"run\"", NULL, TISYNC_OK);
        }
        free(answer);
        answer = next;
    }
    fprintf(stderr, "the sync never ends\n");
    exit(1);
}

/* Gives a command whose answer must hold a text. */
static void look(tisync_handle *handle, const char *json, int32_t code, const char *expected)
{
    char *answer = command(handle, json, NULL, code);
    expect(answer, expected);
    free(answer);
}

int main(int count, char **words)
{
    host self = {0};
    tisync_handle *handle;
    int requests;
    if (count != 2 || tisync_version() != TISYNC_VERSION) return 2;
    if (sqlite3_open(words[1], &self.database) != SQLITE_OK) return 2;
    handle = tisync_new(host_call, &self);
    look(handle, "\"health\"", TISYNC_ERROR, "\"closed\"");
    look(handle, OPEN, TISYNC_OK, "\"node\"");
    look(handle, "{\"write\": {\"writes\": [{\"collection\": \"notes\", \"id\": \"ours\", \"kind\": {\"put\": {\"title\": \"Milk\", \"stars\": 2}}}]}}", TISYNC_OK, "\"ours\"");
    look(handle, "{\"get\": {\"collection\": \"notes\", \"id\": \"ours\"}}", TISYNC_OK, "\"state\":\"dirty\"");
    requests = sync(handle);
    look(handle, "{\"get\": {\"collection\": \"notes\", \"id\": \"ours\"}}", TISYNC_OK, "\"state\":\"clean\"");
    tisync_free(handle);
    host_forget(&self);

    /* Another core on the same file finds everything. */
    handle = tisync_new(host_call, &self);
    look(handle, OPEN, TISYNC_OK, "\"node\"");
    look(handle, "{\"get\": {\"collection\": \"notes\", \"id\": \"theirs\"}}", TISYNC_OK, "Gr\xc3\xbc\xc3\x9f" "e");
    look(handle, "{\"sql\": {\"sql\": \"SELECT id, stars FROM notes WHERE stars >= ? ORDER BY stars\", \"values\": [2]}}", TISYNC_OK, "[[\"ours\",2],[\"theirs\",4]]");
    tisync_free(handle);
    host_forget(&self);
    if (sqlite3_close(self.database) != SQLITE_OK) return 2;
    printf("%d requests\n", requests);
    return 0;
}
