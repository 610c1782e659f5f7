/*
 * test-remote.c: what a Remote tells of mailboxes and their messages, from what servers say.
 *
 * Every row runs with what the server says in one piece, and byte by byte.
 */
#include <string.h>

#include "remote-recorder.h"

#define HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1] hello"

/* LIST as every server knows it; nothing is subscribed to. */
#define PLAIN_AT(tag, pattern)                                                                     \
	"C: " tag " LIST \"\" \"" pattern "\"", "C: z LSUB \"\" \"" pattern "\"", "S: $z OK"
#define PLAIN(tag) PLAIN_AT(tag, "*")

typedef struct {
	const char *label;
	const char *const *script;
	const char *expected;
} ListRow;

static void
check_list(const ListRow *row, gsize split)
{
	RemoteFixture fixture = remote_fixture_new(row->label, SCRIPTS(row->script), 1, 0);
	g_autoptr(Record) record = NULL;

	scripted_server_split(fixture.server, split);
	record = record_list(&fixture, FALSE);
	record_check(record, row->expected);
	remote_fixture_free(&fixture);
}

static void
check_lists(const ListRow *rows, guint n_rows)
{
	for (guint i = 0; i < n_rows; i++) {
		check_list(&rows[i], 0);
		check_list(&rows[i], 1);
	}
}

/* --- list --- */

static void
test_list(void)
{
	const ListRow rows[] = {
		{"plain",
	         SCRIPT(HELLO, PLAIN("a"), "S: * LIST (\\HasNoChildren) \"/\" INBOX",
	                "S: * LIST (\\Noselect) \"/\" \"a b\"", "S: * LIST () \"/\" {5}",
	                "S: a b/c", "S: $a OK"),
	         "INBOX '/'; a b '/' noselect; a b/c '/'; done 0; "},
		{"parents before children, twice the same",
	         SCRIPT(HELLO, PLAIN("a"), "S: * LIST () \"/\" b/c", "S: * LIST () \"/\" b",
	                "S: * LIST () \"/\" a", "S: * LIST () \"/\" b/c", "S: * LIST () \"/\" b-",
	                "S: $a OK"),
	         "a '/'; b '/'; b- '/'; b/c '/'; done 0; "},
		{"names",
	         SCRIPT(HELLO, PLAIN("a"), "S: * LIST () \".\" \"Entw&APw-rfe\"",
	                "S: * LIST () \".\" \"bad&name\"", "S: * LIST () NIL flat",
	                "S: * LIST () \"/\" NIL", "S: * LIST () \"\\\\\" \"q\\\"q\"",
	                "S: * LIST () \"/\" \"\"", "S: $a OK"),
	         "Entw\xc3\xbcrfe = Entw&APw-rfe '.'; NIL '/'; bad&name '.'; flat; q\"q '\\'; "
	         "done 0; "},
		{"what they are for",
	         SCRIPT(HELLO, PLAIN("a"), "S: * LIST (\\Drafts \\x) \"/\" d",
	                "S: * LIST (\\SENT) \"/\" s", "S: * LIST (\\Trash \\Junk) \"/\" t",
	                "S: * LIST (\\Archive \\Noselect) \"/\" u",
	                "S: * LIST (\\HasNoChildren \\All) \"/\" v",
	                "S: * LIST (\\Flagged) \"/\" w", "S: $a OK"),
	         "d '/' drafts; s '/' sent; t '/' trash junk; u '/' noselect archive; v '/' all; "
	         "w '/' flagged; done 0; "},
		{"nothing", SCRIPT(HELLO, PLAIN("a"), "S: $a OK"), "done 0; "},
		{"garbled lines are passed over",
	         SCRIPT(HELLO, PLAIN("a"), "S: * LIST", "S: * LIST (", "S: * LIST () x",
	                "S: * LIST () \"/\" a", "S: $a OK"),
	         "a '/'; done 0; "},
		{"refused", SCRIPT(HELLO, PLAIN("a"), "S: $a NO [NOPERM] no"), "error DENIED; "},
		{"not known", SCRIPT(HELLO, PLAIN("a"), "S: $a BAD what?"), "error FAILED; "},
	};

	check_lists(rows, G_N_ELEMENTS(rows));
}

#define LS_HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1 LIST-EXTENDED LIST-STATUS] hello"
#define LS       "LIST \"\" \"*\" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN))"

static void
test_list_status(void)
{
	const ListRow rows[] = {
		{"one answer",
	         SCRIPT(LS_HELLO, "C: a " LS, "S: * LIST () \"/\" INBOX",
	                "S: * STATUS INBOX (MESSAGES 3 UIDVALIDITY 7)",
	                "S: * LIST (\\NonExistent) \"/\" x", "S: * LIST () \"/\" \"y\"",
	                "S: * STATUS \"y\" (UIDVALIDITY 4294967295 MESSAGES 0)", "S: $a OK"),
	         "INBOX '/' 3/7; x '/' noselect; y '/' 0/4294967295; done 0; "},
		{"STATUS before LIST, or alone",
	         SCRIPT(LS_HELLO, "C: a " LS, "S: * STATUS INBOX (MESSAGES 3 UIDVALIDITY 7)",
	                "S: * STATUS gone (MESSAGES 3 UIDVALIDITY 7)", "S: * STATUS",
	                "S: * LIST () \"/\" INBOX", "S: $a OK"),
	         "INBOX '/' 3/7; done 0; "},
		{"BAD, then plain",
	         SCRIPT(LS_HELLO, "C: a " LS, "S: $a BAD what?", PLAIN("b"),
	                "S: * LIST () \"/\" INBOX", "S: $b OK"),
	         "INBOX '/'; done 0; "},
		{"NO, then plain",
	         SCRIPT(LS_HELLO, "C: a " LS, "S: $a NO no", PLAIN("b"), "S: * LIST () \"/\" INBOX",
	                "S: $b OK"),
	         "INBOX '/'; done 0; "},
		{"empty, then plain",
	         SCRIPT(LS_HELLO, "C: a " LS, "S: $a OK", PLAIN("b"), "S: * LIST () \"/\" INBOX",
	                "S: $b OK"),
	         "INBOX '/'; done 0; "},
		{"BAD, and plain too",
	         SCRIPT(LS_HELLO, "C: a " LS, "S: $a BAD what?", PLAIN("b"), "S: $b BAD what?"),
	         "error FAILED; "},
		{"denied: not asked again", SCRIPT(LS_HELLO, "C: a " LS, "S: $a NO [NOPERM] no"),
	         "error DENIED; "},
	};

	check_lists(rows, G_N_ELEMENTS(rows));
}

#define USE_HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1 LIST-EXTENDED LIST-STATUS SPECIAL-USE] hello"
#define USE_LS                                                                                     \
	"LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY "     \
	"UNSEEN))"

static void
test_list_special_use(void)
{
	const ListRow rows[] = {
		{"asked for",
	         SCRIPT(USE_HELLO, "C: a " USE_LS, "S: * LIST (\\Drafts) \"/\" d",
	                "S: * STATUS d (MESSAGES 3 UIDVALIDITY 7)", "S: $a OK"),
	         "d '/' drafts 3/7; done 0; "},
		{"BAD, then plain",
	         SCRIPT(USE_HELLO, "C: a " USE_LS, "S: $a BAD what?", PLAIN("b"),
	                "S: * LIST (\\Trash) \"/\" t", "S: $b OK"),
	         "t '/' trash; done 0; "},
		{"no extended LIST",
	         SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 SPECIAL-USE] hello", PLAIN("a"),
	                "S: * LIST (\\Trash) \"/\" t", "S: $a OK"),
	         "t '/' trash; done 0; "},
	};

	check_lists(rows, G_N_ELEMENTS(rows));
}

#define RIGHTS_HELLO                                                                               \
	"S: * PREAUTH [CAPABILITY IMAP4rev1 LIST-EXTENDED LIST-STATUS ACL LIST-MYRIGHTS] hello"
#define RIGHTS_LS                                                                                  \
	"LIST \"\" \"*\" RETURN (SUBSCRIBED MYRIGHTS STATUS (MESSAGES UIDNEXT UIDVALIDITY "        \
	"UNSEEN))"

static void
test_list_rights(void)
{
	const ListRow rows[] = {
		{"asked for",
	         SCRIPT(RIGHTS_HELLO, "C: a " RIGHTS_LS, "S: * LIST (\\Subscribed) \"/\" INBOX",
	                "S: * MYRIGHTS INBOX lrswipkxtecda",
	                "S: * STATUS INBOX (MESSAGES 3 UIDVALIDITY 7 UNSEEN 2)",
	                "S: * MYRIGHTS \"b c\" lr", "S: * LIST () \"/\" \"b c\"",
	                "S: * LIST () \"/\" none", "S: * MYRIGHTS none \"\"",
	                "S: * LIST () \"/\" untold", "S: * MYRIGHTS gone lr", "S: $a OK"),
	         "INBOX '/' 3/7 unseen 2 subscribed rights lrswipkxtecda; b c '/' rights lr; "
	         "none '/' rights ; untold '/'; done 0; "},
		{"nonsense",
	         SCRIPT(RIGHTS_HELLO, "C: a " RIGHTS_LS, "S: * LIST () \"/\" a", "S: * MYRIGHTS",
	                "S: * MYRIGHTS a", "S: * MYRIGHTS a (l)", "S: * MYRIGHTS a \"l r\"",
	                "S: * MYRIGHTS a {3}", "S: l", "S: ", "S: * MYRIGHTS (a) lr", "S: $a OK"),
	         "a '/'; done 0; "},
		{"not asked for",
	         SCRIPT(LS_HELLO, "C: a " LS, "S: * LIST () \"/\" a", "S: * MYRIGHTS a lr",
	                "S: $a OK"),
	         "a '/'; done 0; "},
		{"BAD, then plain",
	         SCRIPT(RIGHTS_HELLO, "C: a " RIGHTS_LS, "S: $a BAD what?", PLAIN("b"),
	                "S: * LIST () \"/\" a", "S: * MYRIGHTS a lr", "S: $b OK"),
	         "a '/'; done 0; "},
	};

	check_lists(rows, G_N_ELEMENTS(rows));
}

#define LSUB "C: a LIST \"\" \"*\"", "C: b LSUB \"\" \"*\""

static void
test_list_subscribed(void)
{
	const ListRow rows[] = {
		{"in LIST",
	         SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 LIST-EXTENDED] hello",
	                "C: a LIST \"\" \"*\" RETURN (SUBSCRIBED)",
	                "S: * LIST (\\subscribed \\x) \"/\" a", "S: * LIST () \"/\" b", "S: $a OK"),
	         "a '/' subscribed; b '/'; done 0; "},
		{"by LSUB",
	         SCRIPT(HELLO, LSUB, "S: * LIST () \"/\" a", "S: * LIST () \"/\" \"b c\"",
	                "S: * LIST () \"/\" d", "S: * LSUB () \"/\" a", "S: $a OK",
	                "S: * LSUB () \"/\" \"b c\"", "S: * LSUB (\\Noselect) \"/\" d",
	                "S: * LSUB () \"/\" gone", "S: * LSUB", "S: $b OK"),
	         "a '/' subscribed; b c '/' subscribed; d '/'; done 0; "},
		{"by LSUB, where LIST brings STATUS but not that",
	         SCRIPT("S: * PREAUTH [CAPABILITY IMAP4rev1 LIST-STATUS] hello",
	                "C: a LIST \"\" \"*\" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY "
	                "UNSEEN))",
	                "C: b LSUB \"\" \"*\"", "S: * LIST () \"/\" a", "S: $a OK",
	                "S: * LSUB () \"/\" a", "S: $b OK"),
	         "a '/' subscribed; done 0; "},
		{"nothing but LSUB",
	         SCRIPT(HELLO, LSUB, "S: $a OK", "S: * LSUB () \"/\" a", "S: $b OK"), "done 0; "},
		{"refused", SCRIPT(HELLO, LSUB, "S: * LIST () \"/\" a", "S: $a OK", "S: $b NO no"),
	         "a '/'; done 0; "},
		{"LIST refused", SCRIPT(HELLO, LSUB, "S: $a NO [NOPERM] no", "S: $b OK"),
	         "error DENIED; "},
	};

	check_lists(rows, G_N_ELEMENTS(rows));
}

static void
test_list_forgets_lsub(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"no LSUB",
		SCRIPTS(SCRIPT(HELLO, LSUB, "S: * LIST () NIL x", "S: $a OK", "S: $b BAD what?",
	                       "C: c LIST \"\" \"*\"", "S: * LIST () NIL x", "S: $c OK")),
		1, 0);

	for (guint i = 0; i < 2; i++) {
		g_autoptr(Record) record = record_list(&fixture, FALSE);

		record_check(record, "x; done 0; ");
	}
	remote_fixture_free(&fixture);
}

/* What did not work is not tried again. */
static void
test_list_remembers(void)
{
	RemoteFixture fixture =
		remote_fixture_new("remembers",
	                           SCRIPTS(SCRIPT(LS_HELLO, "C: a " LS, "S: $a BAD what?",
	                                          PLAIN("b"), "S: * LIST () NIL x", "S: $b OK",
	                                          PLAIN("c"), "S: * LIST () NIL x", "S: $c OK")),
	                           1, 0);

	for (guint i = 0; i < 2; i++) {
		g_autoptr(Record) record = record_list(&fixture, FALSE);

		record_check(record, "x; done 0; ");
	}
	remote_fixture_free(&fixture);
}

#define MODSEQ_HELLO "S: * PREAUTH [CAPABILITY LIST-EXTENDED LIST-STATUS CONDSTORE] hello"
#define MODSEQ_LS                                                                                  \
	"LIST \"\" \"*\" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN "          \
	"HIGHESTMODSEQ))"

static void
test_list_modseqs(void)
{
	const ListRow rows[] = {
		{"one answer",
	         SCRIPT(MODSEQ_HELLO, "C: a " MODSEQ_LS, "S: * LIST () \"/\" INBOX",
	                "S: * STATUS INBOX (MESSAGES 3 UIDVALIDITY 7 UIDNEXT 9 HIGHESTMODSEQ "
	                "9223372036854775807)",
	                "S: * LIST () \"/\" x",
	                "S: * STATUS x (MESSAGES 3 UIDVALIDITY 7 UIDNEXT 9 HIGHESTMODSEQ 0)",
	                "S: * LIST () \"/\" y",
	                "S: * STATUS y (MESSAGES 3 UIDVALIDITY 7 HIGHESTMODSEQ "
	                "9223372036854775808)",
	                "S: $a OK"),
	         "INBOX '/' 3/7 next 9 modseq 9223372036854775807; x '/' 3/7 next 9; y '/' 3/7; "
	         "done 0; "},
	};

	check_lists(rows, G_N_ELEMENTS(rows));
}

#define STATUS_ITEMS " (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"

/* STATUS of each mailbox, where it is wanted and LIST does not bring it. */
static void
test_list_figures(void)
{
	const ListRow rows[] = {
		{"one by one",
	         SCRIPT(HELLO, PLAIN("a"), "S: * LIST () \"/\" INBOX",
	                "S: * LIST (\\Noselect) \"/\" no", "S: * LIST () \"/\" bad",
	                "S: * LIST () \"/\" z", "S: $a OK", "C: b STATUS \"INBOX\"" STATUS_ITEMS,
	                "C: c STATUS \"bad\"" STATUS_ITEMS, "C: d STATUS \"z\"" STATUS_ITEMS,
	                "S: * STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)", "S: $b OK",
	                "S: $c NO [NOPERM] no", "S: * STATUS z (MESSAGES 0 UIDVALIDITY 8)",
	                "S: $d OK"),
	         "INBOX '/' 3/7 next 9; bad '/'; no '/' noselect; z '/' 0/8; done 0; "},
		{"all refused",
	         SCRIPT(HELLO, PLAIN("a"), "S: * LIST () \"/\" INBOX", "S: $a OK",
	                "C: b STATUS \"INBOX\"" STATUS_ITEMS, "S: $b BAD what?"),
	         "INBOX '/'; done 0; "},
		{"none there", SCRIPT(HELLO, PLAIN("a"), "S: $a OK"), "done 0; "},
		{"LIST brings it",
	         SCRIPT(LS_HELLO, "C: a " LS, "S: * LIST () \"/\" INBOX", "S: $a OK"),
	         "INBOX '/'; done 0; "},
		{"LIST refused", SCRIPT(HELLO, PLAIN("a"), "S: $a NO [NOPERM] no"),
	         "error DENIED; "},
	};

	for (guint i = 0; i < 2 * G_N_ELEMENTS(rows); i++) {
		const ListRow *row = &rows[i / 2];
		RemoteFixture fixture = remote_fixture_new(row->label, SCRIPTS(row->script), 1, 0);
		g_autoptr(Record) record = NULL;

		scripted_server_split(fixture.server, i % 2);
		record = record_list(&fixture, TRUE);
		record_check(record, row->expected);
		remote_fixture_free(&fixture);
	}
}

/* What was answered before the connection broke is not asked again. */
static void
test_list_figures_broken(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"figures, broken",
		SCRIPTS(SCRIPT(HELLO, PLAIN("a"), "S: * LIST () \"/\" x", "S: * LIST () \"/\" y",
	                       "S: $a OK", "C: b STATUS \"x\"" STATUS_ITEMS,
	                       "C: c STATUS \"y\"" STATUS_ITEMS,
	                       "S: * STATUS x (MESSAGES 3 UIDVALIDITY 7)", "S: $b OK", "DROP"),
	                SCRIPT(HELLO, "C: a STATUS \"y\"" STATUS_ITEMS,
	                       "S: * STATUS y (MESSAGES 4 UIDVALIDITY 7)", "S: $a OK")),
		1, 0);
	g_autoptr(Record) record = record_list(&fixture, TRUE);

	record_check(record, "x '/' 3/7; y '/' 4/7; done 0; ");
	remote_fixture_free(&fixture);
}

/* 25 at a time, and no more than 500. */
static void
test_list_figures_many(void)
{
	g_autoptr(GPtrArray) script = g_ptr_array_new_with_free_func(g_free);
	const char *const *scripts[] = {NULL, NULL};
	g_autoptr(Record) record = NULL;
	g_autoptr(GString) expected = g_string_new(NULL);
	RemoteFixture fixture;

	g_ptr_array_add(script, g_strdup(HELLO));
	g_ptr_array_add(script, g_strdup("C: a LIST \"\" \"*\""));
	g_ptr_array_add(script, g_strdup("C: z LSUB \"\" \"*\""));
	g_ptr_array_add(script, g_strdup("S: $z OK"));
	for (guint i = 0; i < 510; i++) {
		g_ptr_array_add(script, g_strdup_printf("S: * LIST () NIL m%03u", i));
		g_string_append_printf(expected, i < 500 ? "m%03u 1/2; " : "m%03u; ", i);
	}
	g_string_append(expected, "done 0; ");
	g_ptr_array_add(script, g_strdup("S: $a OK"));
	for (guint i = 0; i < 500; i += 25) {
		for (guint k = 0; k < 25; k++)
			g_ptr_array_add(script,
			                g_strdup_printf("C: %c STATUS \"m%03u\"" STATUS_ITEMS,
			                                'a' + (char)k, i + k));
		g_ptr_array_add(script, g_strdup("WAIT 1"));
		for (guint k = 0; k < 25; k++) {
			g_ptr_array_add(
				script,
				g_strdup_printf("S: * STATUS m%03u (MESSAGES 1 UIDVALIDITY 2)",
			                        i + k));
			g_ptr_array_add(script, g_strdup_printf("S: $%c OK", 'a' + (char)k));
		}
	}
	g_ptr_array_add(script, NULL);
	scripts[0] = (const char *const *)script->pdata;
	fixture = remote_fixture_new("figures of many", scripts, 1, 0);
	record = record_list(&fixture, TRUE);
	record_check(record, expected->str);
	remote_fixture_free(&fixture);
}

#define NS_HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1 NAMESPACE] hello"
#define NS       NS_HELLO, "C: a NAMESPACE", PLAIN("b")
#define NAMESPACES                                                                                 \
	"S: * NAMESPACE ((\"\" \"/\")) ((\"~\" \"/\")) ((\"#shared/\" \"/\")(\"#public/\" \"/\"))"

static void
test_namespaces(void)
{
	const ListRow rows[] = {
		{"only personal",
	         SCRIPT(NS, "S: * NAMESPACE ((\"\" \"/\")) NIL NIL", "S: $a OK",
	                "S: * LIST () \"/\" INBOX", "S: $b OK"),
	         "INBOX '/'; done 0; "},
		{"a personal prefix",
	         SCRIPT(NS, "S: * NAMESPACE ((\"INBOX.\" \".\")) NIL NIL", "S: $a OK",
	                "S: * LIST () \".\" INBOX", "S: $b OK"),
	         "INBOX '.'; done 0; "},
		{"all were listed",
	         SCRIPT(NS, NAMESPACES, "S: $a OK", "S: * LIST () \"/\" INBOX",
	                "S: * LIST () \"/\" ~al", "S: * LIST () \"/\" #shared/a",
	                "S: * LIST () \"/\" #public/a", "S: $b OK"),
	         "#public/a '/'; #shared/a '/'; INBOX '/'; ~al '/'; done 0; "},
		{"second round",
	         SCRIPT(NS, NAMESPACES, "S: $a OK", "S: * LIST () \"/\" INBOX",
	                "S: * LIST () \"/\" #shared/a", "S: $b OK", PLAIN_AT("c", "~*"),
	                PLAIN_AT("d", "#public/*"), "S: * LIST () \"/\" ~al", "S: $c OK",
	                "S: * LIST () \"/\" #public/a", "S: $d OK"),
	         "#public/a '/'; #shared/a '/'; INBOX '/'; ~al '/'; done 0; "},
		{"second round refused",
	         SCRIPT(NS, NAMESPACES, "S: $a OK", "S: * LIST () \"/\" INBOX",
	                "S: * LIST () \"/\" ~al", "S: $b OK", PLAIN_AT("c", "#shared/*"),
	                PLAIN_AT("d", "#public/*"), "S: $c NO no", "S: * LIST () \"/\" #public/a",
	                "S: $d OK"),
	         "#public/a '/'; INBOX '/'; ~al '/'; done 0; "},
		{"NAMESPACE BAD",
	         SCRIPT(NS, "S: $a BAD what?", "S: * LIST () \"/\" INBOX", "S: $b OK"),
	         "INBOX '/'; done 0; "},
		{"NAMESPACE garbled",
	         SCRIPT(NS, "S: * NAMESPACE ((", "S: $a OK", "S: * LIST () \"/\" INBOX",
	                "S: $b OK"),
	         "INBOX '/'; done 0; "},
		{"LIST before NAMESPACE",
	         SCRIPT(NS, "S: * LIST () \"/\" INBOX", "S: $b OK",
	                "S: * NAMESPACE ((\"\" \"/\")) NIL NIL", "S: $a OK"),
	         "INBOX '/'; done 0; "},
		{"a namespace that must be a literal",
	         SCRIPT(NS, "S: * NAMESPACE NIL ((\"\xc3\xa9/\" \"/\")) NIL", "S: $a OK",
	                "S: * LIST () \"/\" INBOX", "S: $b OK", "C: c LIST \"\" {4}", "S: +",
	                "c: \xc3\xa9/*", "C: d LSUB \"\" {4}", "S: +", "c: \xc3\xa9/*", "S: $c OK",
	                "S: $d OK"),
	         "INBOX '/'; done 0; "},
	};

	check_lists(rows, G_N_ELEMENTS(rows));
}

/* --- scan --- */

typedef struct {
	const char *label;
	const char *const *script;
	const char *expected;
	RemoteScan scan;
} ScanRow;

static void
check_scans(const ScanRow *rows, guint n_rows)
{
	for (guint i = 0; i < 2 * n_rows; i++) {
		const ScanRow *row = &rows[i / 2];
		RemoteFixture fixture = remote_fixture_new(row->label, SCRIPTS(row->script), 1, 0);
		g_autoptr(Record) record = NULL;

		scripted_server_split(fixture.server, i % 2);
		record = record_scan(&fixture, &row->scan);
		record_check(record, row->expected);
		remote_fixture_free(&fixture);
	}
}

#define ITEMS  "(UID FLAGS INTERNALDATE RFC822.SIZE)"
#define SELECT HELLO, "C: a SELECT \"box\""
#define ALL    SELECT, "C: b UID FETCH 1:* " ITEMS
#define OPENED "S: * 2 EXISTS", "S: * OK [UIDVALIDITY 7] ok", "S: $a OK [READ-WRITE] done"
#define DATE   "INTERNALDATE \"17-Jul-1996 02:44:25 -0700\""

static void
test_scan(void)
{
	const RemoteScan all = {.mailbox = "box"};
	const RemoteScan valid = {.mailbox = "box", .uidvalidity = 7};
	const RemoteScan news = {.mailbox = "box", .uidvalidity = 7, .after_uid = 5};
	const RemoteScan last = {.mailbox = "box", .after_uid = G_MAXUINT32};
	const RemoteScan one = {.mailbox = "box", .uidvalidity = 7, .after_uid = 2, .until_uid = 3};
	const RemoteScan header = {.mailbox = "box", .header_fields = "DATE FROM"};
	const ScanRow rows[] = {
		{"one round trip",
	         SCRIPT(ALL, OPENED, "S: * 1 FETCH (UID 3 " DATE " RFC822.SIZE 100)",
	                "S: * 2 FETCH (RFC822.SIZE 200 UID 5 FLAGS (\\Seen) " DATE ")", "S: $b OK"),
	         "opened 7; 3 size 100 date 837596665; 5 size 200 date 837596665 [\\Seen]; done "
	         "2; ",
	         all},
		{"the right mailbox",
	         SCRIPT(ALL, OPENED, "S: * 1 FETCH (UID 3 " DATE " RFC822.SIZE 100)", "S: $b OK"),
	         "opened 7; 3 size 100 date 837596665; done 2; ", valid},
		{"news, and the last message though it is none",
	         SCRIPT(SELECT, "C: b UID FETCH 6:* " ITEMS, OPENED,
	                "S: * 2 FETCH (UID 5 " DATE " RFC822.SIZE 100)", "S: $b OK"),
	         "opened 7; done 2; ", news},
		{"one message, and news of others",
	         SCRIPT(SELECT, "C: b UID FETCH 3:3 " ITEMS, OPENED,
	                "S: * 2 FETCH (UID 3 " DATE " RFC822.SIZE 100)",
	                "S: * 3 FETCH (UID 4 FLAGS (\\Seen))", "S: $b OK"),
	         "opened 7; 3 size 100 date 837596665; done 2; ", one},
		{"behind the last possible UID",
	         SCRIPT(SELECT, "C: b UID FETCH 4294967295:* " ITEMS, OPENED, "S: $b OK"),
	         "opened 7; done 2; ", last},
		{"in halves",
	         SCRIPT(ALL, OPENED, "S: * 1 FETCH (UID 3 RFC822.SIZE 100)",
	                "S: * 2 FETCH (UID 5 RFC822.SIZE 200)", "S: * 1 FETCH (UID 3 " DATE ")",
	                "S: * 2 FETCH (UID 5 " DATE ")", "S: $b OK"),
	         "opened 7; 3 size 100 date 837596665; 5 size 200 date 837596665; done 2; ", all},
		{"a half without another",
	         SCRIPT(ALL, OPENED, "S: * 1 FETCH (UID 3 RFC822.SIZE 100)", "S: $b OK"),
	         "opened 7; 3 size 100; done 2; ", all},
		{"no date, no size",
	         SCRIPT(ALL, OPENED, "S: * 1 FETCH (UID 3 RFC822.SIZE 5 INTERNALDATE NIL)",
	                "S: * 2 FETCH (UID 5 RFC822.SIZE -1 INTERNALDATE NIL)", "S: $b OK"),
	         "opened 7; 3 size 5; done 2; ", all},
		{"header",
	         SCRIPT(SELECT,
	                "C: b UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE "
	                "BODY.PEEK[HEADER.FIELDS "
	                "(DATE FROM)])",
	                OPENED,
	                "s: * 1 FETCH (BODY[HEADER.FIELDS (DATE FROM)] {6}\r\na: b\r\n UID 3 " DATE
	                " RFC822.SIZE 1)\r\n",
	                "S: * 2 FETCH (UID 5 RFC822.SIZE 2 " DATE ")",
	                "s: * 2 FETCH (UID 5 BODY[HEADER.FIELDS (DATE FROM)] {4}\r\nc: d)\r\n",
	                "S: $b OK"),
	         "opened 7; 3 size 1 date 837596665 <a: b\r\n>; 5 size 2 date 837596665 <c: d>; "
	         "done "
	         "2; ",
	         header},
		{"no header at all",
	         SCRIPT(SELECT, "C: b UID FETCH 1:* *", OPENED,
	                "S: * 1 FETCH (BODY[HEADER.FIELDS (DATE FROM)] NIL UID 3 " DATE
	                " RFC822.SIZE 1)",
	                "S: $b OK"),
	         "opened 7; 3 size 1 date 837596665 <>; done 2; ", header},
		{"news of flags and garbled lines between",
	         SCRIPT(ALL, OPENED, "S: * 1 FETCH (FLAGS (\\Seen))",
	                "S: * 1 FETCH (UID 3 FLAGS (\\Seen))", "S: * 2 EXPUNGE",
	                "S: * 1 FETCH (UID 4294967296)",
	                "S: * 1 FETCH (UID 0 RFC822.SIZE 1 " DATE ")", "S: * OK still here",
	                "S: * 1 FETCH (UID 3 " DATE " RFC822.SIZE 100)", "S: * 9 EXISTS",
	                "S: $b OK"),
	         "opened 7; 3 size 100 date 837596665 [\\Seen]; done 9; ", all},
		{"empty",
	         SCRIPT(ALL, "S: * 0 EXISTS", "S: * OK [UIDVALIDITY 7] ok", "S: $a OK", "S: $b OK"),
	         "opened 7; done 0; ", all},
		{"empty, BAD",
	         SCRIPT(ALL, "S: * 0 EXISTS", "S: * OK [UIDVALIDITY 7] ok", "S: $a OK",
	                "S: $b BAD no such message"),
	         "opened 7; done 0; ", all},
		{"not empty, BAD", SCRIPT(ALL, OPENED, "S: $b BAD what?"), "error FAILED; ", all},
		{"another mailbox",
	         SCRIPT(ALL, "S: * 1 EXISTS", "S: * OK [UIDVALIDITY 8] ok", "S: $a OK",
	                "S: * 1 FETCH (UID 3 " DATE " RFC822.SIZE 100)", "S: $b OK"),
	         "error STALE; ", valid},
		{"another mailbox, empty",
	         SCRIPT(ALL, "S: * 0 EXISTS", "S: * OK [UIDVALIDITY 8] ok", "S: $a OK", "S: $b OK"),
	         "error STALE; ", valid},
		{"another mailbox in the middle",
	         SCRIPT(ALL, OPENED, "S: * 1 FETCH (UID 3 " DATE " RFC822.SIZE 100)",
	                "S: * OK [UIDVALIDITY 8] hm",
	                "S: * 2 FETCH (UID 5 " DATE " RFC822.SIZE 100)", "S: $b OK"),
	         "opened 7; 3 size 100 date 837596665; error STALE; ", valid},
		{"no such mailbox",
	         SCRIPT(ALL, "S: $a NO [NONEXISTENT] no", "S: $b BAD no mailbox selected"),
	         "error NOT_FOUND; ", all},
		{"no mailbox, but messages",
	         SCRIPT(ALL, "S: $a NO [NOPERM] no",
	                "S: * 1 FETCH (UID 3 " DATE " RFC822.SIZE 100)", "S: $b OK"),
	         "error DENIED; ", all},
		{"limited", SCRIPT(ALL, OPENED, "S: $b NO [LIMIT] later"), "error LIMIT; ", all},
		{"throttled", SCRIPT(ALL, OPENED, "S: $b NO try again [THROTTLED]"),
	         "error LIMIT; ", all},
		{"some, then NO",
	         SCRIPT(ALL, OPENED, "S: * 1 FETCH (UID 3 " DATE " RFC822.SIZE 100)",
	                "S: $b NO [SERVERBUG] oh"),
	         "opened 7; 3 size 100 date 837596665; error LIMIT; ", all},
	};

	check_scans(rows, G_N_ELEMENTS(rows));
}

/* What the mailbox keeps, and whether it can be changed: not known by an EXAMINE of ours. */
static void
test_scan_access(void)
{
	const struct {
		const char *label;
		const char *codes, *verdict; /* of SELECT */
		const char *expected;
		gboolean examine;
	} rows[] = {
		{"not told", "S: * OK hm", "S: $a OK", "opened 7; done 2; ", FALSE},
		{"told", "S: * OK [PERMANENTFLAGS (word \\SEEN \\*  a]b)] ok",
	         "S: $a OK [READ-WRITE] ok", "opened 7; done 2 keeps [\\* \\Seen a]b word]; ",
	         FALSE},
		{"none", "S: * OK [PERMANENTFLAGS ()] ok", "S: $a OK [READ-ONLY] ok",
	         "opened 7; done 2 keeps [] read-only; ", FALSE},
		{"nonsense", "S: * OK [PERMANENTFLAGS \x01 {] ok", "S: $a OK", "opened 7; done 2; ",
	         FALSE},
		{"EXAMINE", "S: * OK [PERMANENTFLAGS ()] ok", "S: $a OK [READ-ONLY] ok",
	         "opened 7; done 2; ", TRUE},
		{"EXAMINE tells all the same", "S: * OK [PERMANENTFLAGS (\\Seen)] ok",
	         "S: $a OK [READ-ONLY] ok", "opened 7; done 2 keeps [\\Seen]; ", TRUE},
	};
	const RemoteScan all = {.mailbox = "box"};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		const char *const *script = SCRIPT(
			HELLO, rows[i].examine ? "C: a EXAMINE \"box\"" : "C: a SELECT \"box\"",
			"C: b UID FETCH 1:* " ITEMS, "S: * 2 EXISTS", "S: * OK [UIDVALIDITY 7] ok",
			rows[i].codes, rows[i].verdict, "S: $b OK");
		RemoteFixture fixture =
			rows[i].examine ? remote_fixture_new_read_only(rows[i].label)
					: remote_fixture_new(rows[i].label, SCRIPTS(NULL), 1, 0);
		g_autoptr(Record) record = NULL;

		scripted_server_add(fixture.server, script);
		record = record_scan(&fixture, &all);
		record_check(record, rows[i].expected);
		remote_fixture_free(&fixture);
	}
}

#define NEWS         "C: c NOOP", "C: d UID FETCH 6:* " ITEMS
#define NEWS_ANSWER  "S: * 3 FETCH (UID 6 " DATE " RFC822.SIZE 9)", "S: $d OK"
#define NEWS_MESSAGE "opened 7; 6 size 9 date 837596665; "

/* A mailbox that is selected already is asked for its news, and once more where those came only
 * then: the answer may be older than they are. */
static void
test_scan_selected(void)
{
	const ScanRow rows[] = {
		{"no news",
	         SCRIPT(ALL, OPENED, "S: $b OK", NEWS, "S: $c OK", "S: * 2 FETCH (UID 5 " DATE ")",
	                "S: $d OK"),
	         "opened 7; done 2; ",
	         {0}},
		{"news",
	         SCRIPT(ALL, OPENED, "S: $b OK", NEWS, "S: * 3 EXISTS", "S: $c OK", NEWS_ANSWER,
	                NEWS, "S: $c OK", NEWS_ANSWER),
	         NEWS_MESSAGE NEWS_MESSAGE "done 3; ",
	         {0}},
		{"news behind the answer",
	         SCRIPT(ALL, OPENED, "S: $b OK", NEWS, "S: $d OK", "S: * 3 EXISTS", "S: $c OK",
	                NEWS, "S: $c OK", NEWS_ANSWER),
	         "opened 7; " NEWS_MESSAGE "done 3; ",
	         {0}},
		{"no end of news",
	         SCRIPT(ALL, OPENED, "S: $b OK", NEWS, "S: * 3 EXISTS", "S: $c OK", NEWS_ANSWER,
	                NEWS, "S: * 4 EXISTS", "S: $c OK", NEWS_ANSWER, NEWS, "S: * 5 EXISTS",
	                "S: $c OK", NEWS_ANSWER),
	         NEWS_MESSAGE NEWS_MESSAGE NEWS_MESSAGE "done 5; ",
	         {0}},
	};
	const RemoteScan all = {.mailbox = "box"};
	const RemoteScan news = {.mailbox = "box", .uidvalidity = 7, .after_uid = 5};

	for (guint i = 0; i < 2 * G_N_ELEMENTS(rows); i++) {
		const ScanRow *row = &rows[i / 2];
		RemoteFixture fixture = remote_fixture_new(row->label, SCRIPTS(row->script), 1, 0);
		g_autoptr(Record) first = NULL, second = NULL;

		scripted_server_split(fixture.server, i % 2);
		first = record_scan(&fixture, &all);
		record_check(first, "opened 7; done 2; ");
		second = record_scan(&fixture, &news);
		record_check(second, row->expected);
		remote_fixture_free(&fixture);
	}
}

/* Messages are told as they come, and when those of one packet have been. */
static void
test_scan_batch(void)
{
	const RemoteScan all = {.mailbox = "box"};
	RemoteFixture fixture = remote_fixture_new(
		"batch",
		SCRIPTS(SCRIPT(ALL, OPENED, "S: * 1 FETCH (UID 3 " DATE " RFC822.SIZE 1)",
	                       "S: * 2 FETCH (UID 5 " DATE " RFC822.SIZE 2)", "GATE a",
	                       "S: * 2 FETCH (FLAGS ())", "GATE b",
	                       "S: * 3 FETCH (UID 6 " DATE " RFC822.SIZE 3)", "S: $b OK")),
		1, 0);
	g_autoptr(Record) record = record_scan(&fixture, &all);

	WAIT_UNTIL("batch", record->n_batches);
	g_assert_cmpstr(record->log->str, ==,
	                "opened 7; 3 size 1 date 837596665; 5 size 2 date 837596665; ");
	scripted_server_open_gate(fixture.server, 'a');
	test_linger(50);
	g_assert_cmpuint(record->n_batches, ==, 1);
	scripted_server_open_gate(fixture.server, 'b');
	record_check(record, "opened 7; 3 size 1 date 837596665; 5 size 2 date 837596665; "
	                     "6 size 3 date 837596665; done 2; ");
	remote_fixture_free(&fixture);
}

/* --- uids --- */

typedef struct {
	const char *label;
	const char *const *script;
	const char *expected;
	guint32 uidvalidity;
} UidsRow;

#define SEARCH SELECT, "C: b UID SEARCH ALL"
#define ESEARCH                                                                                    \
	"S: * PREAUTH [CAPABILITY ESEARCH] hi", "C: a SELECT \"box\"",                             \
		"C: b UID SEARCH RETURN (ALL) ALL"

static void
test_uids(void)
{
	const UidsRow rows[] = {
		{"SEARCH", SCRIPT(SEARCH, OPENED, "S: * SEARCH 5 3 4 9", "S: $b OK"),
	         "3:5; 9:9; done 2; ", 0},
		{"SEARCH in pieces",
	         SCRIPT(SEARCH, OPENED, "S: * SEARCH 5 3", "S: * SEARCH 4 0", "S: $b OK"),
	         "3:5; done 2; ", 7},
		{"SEARCH, nothing",
	         SCRIPT(SEARCH, "S: * 0 EXISTS", "S: $a OK", "S: * SEARCH", "S: $b OK"), "done 0; ",
	         0},
		{"ESEARCH",
	         SCRIPT(ESEARCH, OPENED, "S: * ESEARCH (TAG \"$b\") UID ALL 1:3,7", "S: $b OK"),
	         "1:3; 7:7; done 2; ", 7},
		{"all there can be",
	         SCRIPT(ESEARCH, OPENED, "S: * ESEARCH (TAG \"$b\") UID ALL 1:4294967295",
	                "S: $b OK"),
	         "1:4294967295; done 2; ", 7},
		{"SEARCH to ESEARCH", SCRIPT(ESEARCH, OPENED, "S: * SEARCH 5", "S: $b OK"),
	         "5:5; done 2; ", 7},
		{"ESEARCH, nothing",
	         SCRIPT(ESEARCH, "S: * 0 EXISTS", "S: * OK [UIDVALIDITY 7]", "S: $a OK",
	                "S: * ESEARCH (TAG \"$b\") UID", "S: $b OK"),
	         "done 0; ", 7},
		{"another mailbox", SCRIPT(SEARCH, OPENED, "S: * SEARCH 5", "S: $b OK"),
	         "error STALE; ", 8},
		{"another mailbox, and no SEARCH", SCRIPT(SEARCH, OPENED, "S: $b OK"),
	         "error STALE; ", 8},
		{"no such mailbox", SCRIPT(SEARCH, "S: $a NO [NONEXISTENT]", "S: $b BAD what?"),
	         "error NOT_FOUND; ", 7},
		{"no such mailbox, but OK",
	         SCRIPT(SEARCH, "S: $a NO [NONEXISTENT]", "S: * SEARCH 5", "S: $b OK"),
	         "error NOT_FOUND; ", 0},
		{"refused", SCRIPT(SEARCH, OPENED, "S: $b NO no"), "error FAILED; ", 7},
		{"no answer, though there are messages", SCRIPT(SEARCH, OPENED, "S: $b OK"),
	         "error PROTOCOL; ", 7},
		{"no answer, and no messages",
	         SCRIPT(SEARCH, "S: * 0 EXISTS", "S: $a OK", "S: $b OK"), "done 0; ", 0},
		{"garbled", SCRIPT(SEARCH, OPENED, "S: * SEARCH 5 x 6", "S: $b OK"),
	         "error PROTOCOL; ", 7},
		{"garbled set",
	         SCRIPT(ESEARCH, OPENED, "S: * ESEARCH (TAG \"$b\") UID ALL 1:x", "S: $b OK"),
	         "error PROTOCOL; ", 7},
	};

	for (guint i = 0; i < 2 * G_N_ELEMENTS(rows); i++) {
		const UidsRow *row = &rows[i / 2];
		RemoteFixture fixture = remote_fixture_new(row->label, SCRIPTS(row->script), 1, 0);
		g_autoptr(Record) record = NULL;

		scripted_server_split(fixture.server, i % 2);
		record = record_uids(&fixture, "box", row->uidvalidity);
		record_check(record, row->expected);
		remote_fixture_free(&fixture);
	}
}

/* An answer to another command is not this one's; the mailbox's news come first. */
static void
test_uids_selected(void)
{
	RemoteFixture fixture = remote_fixture_new(
		"selected",
		SCRIPTS(SCRIPT(ESEARCH, OPENED, "S: * ESEARCH (TAG \"$b\") UID ALL 1", "S: $b OK",
	                       "C: c NOOP", "C: d UID SEARCH RETURN (ALL) ALL", "S: * 1 EXPUNGE",
	                       "S: $c OK", "S: * ESEARCH (TAG \"$b\") UID ALL 9",
	                       "S: * ESEARCH (TAG \"$d\") UID ALL 1:2", "S: $d OK", "C: c NOOP",
	                       "C: d UID SEARCH RETURN (ALL) ALL", "S: $c OK",
	                       "S: * ESEARCH (TAG \"$d\") UID ALL 2", "S: $d OK")),
		1, 0);
	g_autoptr(Record) first = record_uids(&fixture, "box", 7), second = NULL;

	record_check(first, "1:1; done 2; ");
	second = record_uids(&fixture, "box", 7);
	record_check(second, "2:2; done 1; ");
	remote_fixture_free(&fixture);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/remote/list", test_list);
	g_test_add_func("/remote/list-status", test_list_status);
	g_test_add_func("/remote/list-special-use", test_list_special_use);
	g_test_add_func("/remote/list-remembers", test_list_remembers);
	g_test_add_func("/remote/list-rights", test_list_rights);
	g_test_add_func("/remote/list-subscribed", test_list_subscribed);
	g_test_add_func("/remote/list-forgets-lsub", test_list_forgets_lsub);
	g_test_add_func("/remote/list-modseqs", test_list_modseqs);
	g_test_add_func("/remote/list-figures", test_list_figures);
	g_test_add_func("/remote/list-figures-broken", test_list_figures_broken);
	g_test_add_func("/remote/list-figures-many", test_list_figures_many);
	g_test_add_func("/remote/namespaces", test_namespaces);
	g_test_add_func("/remote/scan", test_scan);
	g_test_add_func("/remote/scan-access", test_scan_access);
	g_test_add_func("/remote/scan-selected", test_scan_selected);
	g_test_add_func("/remote/scan-batch", test_scan_batch);
	g_test_add_func("/remote/uids", test_uids);
	g_test_add_func("/remote/uids-selected", test_uids_selected);
	return g_test_run();
}
