/*
 * test-remote-parts.c: a large mailbox, asked for in parts over a connection that breaks.
 */
#include <stdlib.h>
#include <string.h>

#include "remote-recorder.h"

#define HELLO    "S: * PREAUTH [CAPABILITY CONDSTORE] hi"
#define MESSAGES 20000
#define DATE     "INTERNALDATE \"17-Jul-1996 02:44:25 -0700\""

typedef struct {
	guint n_selected;
	guint32 uidvalidity[2]; /* of the first connection, of the second */
	GString *ranges;        /* asked of the first connection */
} Answers;

/* Every part has but its first message. Each view of the mailbox is a later one. */
static char *
answer(const char *line, gpointer data)
{
	Answers *answers = data;
	g_autofree char *tag = g_strndup(line, strcspn(line, " "));
	const char *range = strstr(line, "FETCH ");

	if (strstr(line, "SELECT")) {
		guint n = answers->n_selected++;

		return g_strdup_printf(
			"* %u EXISTS\r\n* OK [UIDVALIDITY %u] ok\r\n"
			"* OK [UIDNEXT %u] ok\r\n* OK [HIGHESTMODSEQ %u] ok\r\n%s OK",
			MESSAGES + n, answers->uidvalidity[n], MESSAGES + n + 1, 60 + n, tag);
	}
	range += strlen("FETCH ");
	if (answers->n_selected == 1)
		g_string_append_printf(answers->ranges, "%.*s ", (int)strcspn(range, " "), range);
	return g_strdup_printf("* 1 FETCH (UID %d FLAGS () RFC822.SIZE 9 " DATE ")\r\n%s OK",
	                       atoi(range), tag);
}

static void
check_parts(const char *label, Answers answers, const char *middle, const char *end)
{
	static const char *const breaks[] = {HELLO, "X", "X", "X", "DROP", NULL};
	static const char *const goes_on[] = {HELLO, "AUTO", NULL};
	const RemoteScan scan = {.mailbox = "box", .messages = MESSAGES, .uidnext = MESSAGES + 1};
	RemoteFixture fixture = remote_fixture_new(label, SCRIPTS(breaks, goes_on), 1, 0);
	g_autoptr(Record) record = NULL;

	answers.ranges = g_string_new(NULL);
	scripted_server_hook(fixture.server, answer, &answers);
	record = record_scan(&fixture, &scan);
	WAIT_UNTIL(label, record->done);
	g_assert_true(g_str_has_prefix(answers.ranges->str, "1:5000 5001:10000 "));
	g_assert_true(g_str_has_prefix(record->log->str, "opened 7; 1 size 9 date 837596665 []; "
	                                                 "5001 size 9 date 837596665 []; "));
	g_assert_nonnull(strstr(record->log->str, middle));
	if (!g_str_has_suffix(record->log->str, end))
		g_error("%s: expected %s, got %s", label, end, record->log->str);
	g_assert_cmpuint(answers.n_selected, ==, 2);
	g_string_free(answers.ranges, TRUE);
	remote_fixture_free(&fixture);
}

/* What came over the first connection is as old as that one's view, whatever the second says. */
static void
test_goes_on(void)
{
	check_parts("goes on", (Answers){.uidvalidity = {7, 7}},
	            "opened 7; 10001 size 9 date 837596665 []; ",
	            "done 20001 next 20002 modseq 60; ");
}

/* Parts of two mailboxes are no list. */
static void
test_another_mailbox(void)
{
	check_parts("another mailbox", (Answers){.uidvalidity = {7, 8}}, "; ", "error STALE; ");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote-parts/goes-on", test_goes_on);
	g_test_add_func("/remote-parts/another-mailbox", test_another_mailbox);
	return g_test_run();
}
