/* Reads the recorded scenarios: lines of words, '#' for a comment. */
#include "scenario.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define LINE_LENGTH 512

static const char *const ACTORS[] = {"nobody", "node",  "host2", "host3", "host4",  "host5",
                                     "host6",  "host7", "host8", "host9", "client", "validator"};
static const char *const MOVES[] = {"request", "reserve", "fill", "prove", "miss", "free", "withdraw"};

const char *actor_name(actor_t actor) {
    return ACTORS[actor];
}

/* Reads 2 * len hexadecimal digits. */
static int read_hex(const char *text, uint8_t *out, size_t len) {
    static const char DIGITS[] = "0123456789abcdef";
    if (strlen(text) != 2 * len) return -1;
    for (size_t i = 0; i < len; i++) {
        const char *high = strchr(DIGITS, text[2 * i]), *low = strchr(DIGITS, text[2 * i + 1]);
        if (high == NULL || low == NULL) return -1;
        out[i] = (uint8_t)((high - DIGITS) << 4 | (low - DIGITS));
    }
    return 0;
}

static int read_number(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == 0 && *text != '-' ? 0 : -1;
}

static int read_actor(const char *text, actor_t *out) {
    if (strcmp(text, "client") == 0) return *out = ACTOR_CLIENT, 0;
    if (strcmp(text, "validator") == 0) return *out = ACTOR_VALIDATOR, 0;
    if (strncmp(text, "host", 4) != 0 || text[4] < '1' || text[4] > '9' || text[5] != 0) return -1;
    *out = (actor_t)(text[4] - '0');
    return 0;
}

static int read_field(scenario_t *scenario, const char *key, const char *value) {
    sales_request_t *request = &scenario->request;
    const struct {
        const char *key;
        uint64_t *number;
    } numbers[] = {{"slots", &request->slots},
                   {"slot_size", &request->slot_size},
                   {"duration", &request->duration},
                   {"max_slot_loss", &request->max_slot_loss},
                   {"expiry", &request->expiry}};
    const struct {
        const char *key;
        sales_u256_t *number;
    } longs[] = {{"proof_probability", &request->proof_probability},
                 {"price_per_byte_per_second", &request->price_per_byte_per_second},
                 {"collateral_per_byte", &request->collateral_per_byte}};
    const struct {
        const char *key;
        uint8_t *bytes;
        size_t len;
    } bytes[] = {{"id", scenario->id.bytes, 32},
                 {"client", request->client.bytes, 20},
                 {"merkle_root", request->merkle_root.bytes, 32},
                 {"nonce", request->nonce.bytes, 32}};
    if (strcmp(key, "name") == 0) {
        int len = snprintf(scenario->name, sizeof scenario->name, "%s", value);
        return len < (int)sizeof scenario->name ? 0 : -1;
    }
    if (strcmp(key, "cid") == 0) {
        request->cid = (sales_bytes_t){scenario->cid, strlen(value) / 2};
        return request->cid.len <= SCENARIO_CID_MAX ? read_hex(value, scenario->cid, request->cid.len) : -1;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(key, numbers[i].key) == 0) return read_number(value, numbers[i].number);
    }
    for (size_t i = 0; i < sizeof longs / sizeof longs[0]; i++) {
        if (strcmp(key, longs[i].key) == 0) return lib.sales_u256_parse(value, longs[i].number, NULL);
    }
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        if (strcmp(key, bytes[i].key) == 0) return read_hex(value, bytes[i].bytes, bytes[i].len);
    }
    return -1;
}

static int read_move(scenario_t *scenario, char words[5][LINE_LENGTH], int count) {
    move_t move = {0};
    size_t kind = 0;
    if (scenario->moves_len == SCENARIO_MOVES_MAX) return -1;
    if (read_number(words[0], &move.time) != 0 || read_actor(words[1], &move.actor) != 0) return -1;
    while (kind < sizeof MOVES / sizeof MOVES[0] && strcmp(words[2], MOVES[kind]) != 0) kind++;
    if (kind == sizeof MOVES / sizeof MOVES[0]) return -1;
    move.kind = (move_kind_t)kind;
    if (count > 3 && read_number(words[3], &move.slot) != 0) return -1;
    if (count > 4 && read_number(words[4], &move.period) != 0) return -1;
    if (move.actor == ACTOR_US && !scenario->we_sell) {
        scenario->we_sell = 1;
        scenario->our_slot = move.slot;
    }
    scenario->moves[scenario->moves_len++] = move;
    return 0;
}

static int read_line(scenario_t *scenario, const char *line) {
    char words[5][LINE_LENGTH];
    if (line[0] == '#' || line[0] == '\n') return 0;
    int count =
        sscanf(line, "%511s %511s %511s %511s %511s", words[0], words[1], words[2], words[3], words[4]);
    if (count == 2) return read_field(scenario, words[0], words[1]);
    return count >= 3 ? read_move(scenario, words, count) : -1;
}

int scenario_read(const char *path, scenario_t *scenario) {
    char line[LINE_LENGTH];
    int bad = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "cannot read %s: %s\n", path, strerror(errno));
        return -1;
    }
    memset(scenario, 0, sizeof *scenario);
    scenario->request.size = sizeof scenario->request;
    for (int number = 1; !bad && fgets(line, sizeof line, file) != NULL; number++) {
        bad = read_line(scenario, line);
        if (bad) fprintf(stderr, "%s:%d: not a line of a scenario: %s", path, number, line);
    }
    bad = bad || ferror(file);
    if (fclose(file) != 0 || bad) return -1;
    if (scenario->moves_len == 0 || scenario->request.slots == 0 ||
        scenario->request.slots > SCENARIO_SLOTS_MAX) {
        fprintf(stderr, "%s: no moves, or not 1 to %d slots\n", path, SCENARIO_SLOTS_MAX);
        return -1;
    }
    return 0;
}
